"""Quarantine of the samples that depend on a withdrawn consent.

A separate transaction raises the barrier, which takes effect at once: no further sample that depends on the consent
is stored, and existing ones are read as quarantined. The rows of existing samples are updated afterwards, in batches,
and no longer count in their equivalence classes. Until all are updated, the readers of the studies concerned see no
quasi-identifiers.
"""

import asyncio
from uuid import UUID

import structlog

from backend_svc import locks
from backend_svc.history import audit, event_store, event_types
from backend_svc.samples import counting, index
from backend_svc.samples.counting import Counted
from chassis import call_context
from chassis.errors import ServiceUnavailable
from chassis.events import outbox
from chassis.storage.database import Database
from fairdb.samples.v1.sample_pb2 import Sample

log = structlog.get_logger()

BATCH = 1000
_LOOK_SECONDS = 1.0

RAISE_BARRIER = f"""
INSERT INTO barrier (consent, actor, studies)
SELECT $1, $2, array(
    SELECT DISTINCT study FROM sample WHERE consents @> ARRAY[$1::uuid] AND state <> {Sample.STATE_QUARANTINED}
)
ON CONFLICT DO NOTHING
"""
# Locks in the order of ids, because two concurrent withdrawals may affect the same samples.
QUARANTINE = f"""
WITH resting AS MATERIALIZED (
    SELECT id, class_id FROM sample WHERE consents @> ARRAY[$1::uuid] AND state <> $2
    ORDER BY id LIMIT $3 FOR NO KEY UPDATE
)
UPDATE sample SET state = $2, class_id = NULL, version = version + 1, last_sequence = last_sequence + 1,
    updated_at = now()
FROM resting WHERE sample.id = resting.id
RETURNING sample.id, sample.last_sequence, sample.study, {counting.DONOR} AS donor, resting.class_id
"""
UNSETTLED = "SELECT consent, actor FROM barrier WHERE NOT settled ORDER BY raised_at"
SETTLE = "UPDATE barrier SET settled = true WHERE consent = $1"


async def quarantine(database: Database, consent: UUID, actor: str) -> int:
    """Raise the barrier of a consent and quarantine a first batch; return its size."""
    async with database.transaction() as connection:
        await locks.lock(connection, locks.lock_key("consent", consent))
        await connection.execute(RAISE_BARRIER, consent, actor)
    return await quarantine_batch(database, consent, actor)


async def quarantine_batch(database: Database, consent: UUID, actor: str) -> int:
    """Quarantine the next samples that depend on a consent; return how many. Below BATCH, none are left."""
    async with database.transaction() as connection:
        changed = await connection.fetch(QUARANTINE, consent, Sample.STATE_QUARANTINED, BATCH)
        ids = [row["id"] for row in changed]
        # A sample of an older release may not be counted yet.
        counted = [row for row in changed if row["class_id"] is not None]
        removed = [Counted(row["study"], row["donor"], row["class_id"]) for row in counted]
        await counting.recount(connection, removed=removed)
        await index.remove(connection, ids)
        events = [
            outbox.new_event(event_types.QUARANTINED, str(row["id"]), row["last_sequence"], actor) for row in changed
        ]
        await event_store.append(connection, events)
        await audit.write(connection, "quarantine", actor, dict.fromkeys(ids, call_context.current().correlation_id))
        if len(ids) < BATCH:
            await connection.execute(SETTLE, consent)
    return len(ids)


async def keep_settling(database: Database) -> None:
    """Quarantine the samples that remain after the first batch of each withdrawal. Runs until cancelled."""
    await database.migrated()
    while True:
        try:
            for row in await database.fetch(UNSETTLED):
                while await quarantine_batch(database, row["consent"], row["actor"]) == BATCH:
                    pass
        except ServiceUnavailable as error:
            log.info("settling_waits", error=type(error).__name__)
        await asyncio.sleep(_LOOK_SECONDS)
