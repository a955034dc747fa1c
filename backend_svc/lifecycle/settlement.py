"""What whoever drives a creation asks of samples at rest: stored or never, how far since, and on again."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from backend_svc.errors import SampleNotFound
from backend_svc.history import event_store
from backend_svc.samples import lookup, store
from chassis.events import outbox
from chassis.storage.database import Database
from chassis.storage.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.samples.v1.sample_pb2 import Sample

# In a statement of its own after the lock, as storing.STORE is: each then sees what the other has committed.
SETTLE = """
INSERT INTO settlement (sample_id, fencing_token) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM sample WHERE id = $1)
ON CONFLICT (sample_id) DO UPDATE SET fencing_token = greatest(settlement.fencing_token, excluded.fencing_token)
RETURNING sample_id
"""
# A store that has been on its way for a month comes no more.
SWEEP_SETTLED = Sweep("settlement", "settled_at < now() - interval '30 days'")

STATES = "SELECT id, state FROM sample WHERE id = ANY($1::uuid[])"
STATE = "SELECT state FROM sample WHERE id = $1"
EVENT_OF_TYPE = "SELECT * FROM event WHERE subject = $1 AND type = $2"
AWAITED = {Sample.STATE_STORED: "sample.anonymized", Sample.STATE_INDEXED: "sample.indexed"}
"""The event that moves a sample on from a state."""


async def settle(database: Database, sample_id: UUID, fencing_token: int) -> StoredSample | None:
    """Return the sample if it was stored; otherwise see to it that it never will be."""
    try:
        return await lookup.get(database, sample_id)
    except SampleNotFound:
        pass
    async with database.transaction() as connection:
        await connection.execute(store.LOCK_EXCLUSIVE, store.lock_key("sample", sample_id))
        settled = await connection.fetchval(SETTLE, sample_id, fencing_token)
    # Otherwise it was stored between the look and the lock.
    return None if settled is not None else await lookup.get(database, sample_id)


async def states(database: Database, sample_ids: Sequence[UUID]) -> Mapping[str, Sample.State.ValueType]:
    """Return how far samples have come, by id; those that do not exist are left out."""
    return {str(row["id"]): row["state"] for row in await database.fetch(STATES, sample_ids)}


async def resume(database: Database, sample_id: UUID) -> None:
    """Publish the event that a sample waits for once more. Raises SampleNotFound."""
    async with database.transaction() as connection:
        state = await connection.fetchval(STATE, sample_id)
        if state is None:
            raise SampleNotFound
        if awaited := AWAITED.get(state):
            row = await connection.fetchrow(EVENT_OF_TYPE, sample_id, awaited)
            assert row is not None, "the transaction that reaches a state records its event"
            # The same event, not a new one: a consumer that has handled it has its id in the inbox.
            await outbox.record(connection, [event_store.to_event(row)])
