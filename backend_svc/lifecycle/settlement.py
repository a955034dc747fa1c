"""Operations that the gateway's saga engine needs: settle whether a sample was stored, report states, resume."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from backend_svc import locks
from backend_svc.history import event_store, event_types
from backend_svc.samples.errors import SampleNotFound
from backend_svc.samples.lookup import Lookup
from chassis.events import outbox
from chassis.storage.database import Database
from chassis.storage.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.samples.v1.sample_pb2 import Sample

# Take the lock first, in a separate statement: see backend_svc/locks.py.
SETTLE = """
INSERT INTO settlement (sample_id, fencing_token) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM sample WHERE id = $1)
ON CONFLICT (sample_id) DO UPDATE SET fencing_token = greatest(settlement.fencing_token, excluded.fencing_token)
RETURNING sample_id
"""
# No store request is delayed for a month, so older settlements are not needed.
SWEEP_SETTLED = Sweep("settlement", "settled_at < now() - interval '30 days'")

STATES = "SELECT id, state FROM sample WHERE id = ANY($1::uuid[])"
STATE = "SELECT state FROM sample WHERE id = $1"
EVENT_OF_TYPE = "SELECT * FROM event WHERE subject = $1 AND type = $2"
AWAITED = {Sample.STATE_STORED: event_types.ANONYMIZED, Sample.STATE_INDEXED: event_types.INDEXED}
"""For each state, the type of the event whose consumer moves the sample to the next state."""


async def settle(database: Database, lookup: Lookup, sample_id: UUID, fencing_token: int) -> StoredSample | None:
    """Return the sample if it was stored; otherwise make sure that it never will be."""
    try:
        return await lookup.get(sample_id)
    except SampleNotFound:
        pass
    async with database.transaction() as connection:
        await locks.lock(connection, locks.lock_key("sample", sample_id))
        settled = await connection.fetchval(SETTLE, sample_id, fencing_token)
    # If SETTLE returns no row, the sample was stored between the look-up and the lock.
    return None if settled is not None else await lookup.get(sample_id)


async def states(database: Database, sample_ids: Sequence[UUID]) -> Mapping[str, Sample.State.ValueType]:
    """Return the states of those samples that exist, by id."""
    return {str(row["id"]): row["state"] for row in await database.fetch(STATES, sample_ids)}


async def resume(database: Database, sample_id: UUID) -> None:
    """Publish again the event that a sample waits for. Raises SampleNotFound."""
    async with database.transaction() as connection:
        state = await connection.fetchval(STATE, sample_id)
        if state is None:
            raise SampleNotFound
        if awaited := AWAITED.get(state):
            row = await connection.fetchrow(EVENT_OF_TYPE, sample_id, awaited)
            if row is None:
                raise LookupError(f"sample {sample_id} has reached state {state} without an event")
            # Publish the same event, not a new one: a consumer that has handled the event recognises its id.
            await outbox.record(connection, [event_store.to_event(row)])
