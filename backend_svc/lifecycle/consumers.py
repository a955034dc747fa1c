"""Consumers that process stored samples: index, then notify. Each reads current rows and applies what is missing."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from backend_svc.history import audit, event_store, event_types
from backend_svc.lifecycle.settlement import AWAITED
from backend_svc.notifications import store
from backend_svc.samples import index as search_index
from backend_svc.samples.lookup import BARRED
from chassis.events import outbox
from chassis.events.inbox import Subscription
from chassis.storage.database import Connection
from fairdb.events.v1.event_pb2 import Event
from fairdb.samples.v1.sample_pb2 import Sample

ACTOR = "service:backend_svc"

# States only increase, so `state < $2` skips samples that already have the state or are quarantined. BARRED
# skips samples whose consent was withdrawn. Rows are locked in the order of their ids, as in a withdrawal, so that no
# deadlock arises.
ADVANCE = f"""
WITH waiting AS MATERIALIZED (
    SELECT id FROM sample WHERE id = ANY ($1::uuid[]) AND state < $2 AND NOT {BARRED} ORDER BY id FOR NO KEY UPDATE
)
UPDATE sample SET state = $2, version = version + 1, last_sequence = last_sequence + 1, updated_at = now()
FROM waiting WHERE sample.id = waiting.id RETURNING sample.id, last_sequence, owner, study, organism,
    NOT classes ? 'organism' AS is_organism_public
"""


async def index(connection: Connection, events: Sequence[Event]) -> None:
    """Add samples to the search index."""
    rows = await _advance(connection, events, Sample.STATE_INDEXED, event_types.INDEXED, "index")
    if rows:
        await search_index.add(connection, [row["id"] for row in rows])


async def notify(connection: Connection, events: Sequence[Event]) -> None:
    """Notify the accounts that follow a sample's organism or study."""
    rows = await _advance(connection, events, Sample.STATE_PROCESSED, event_types.PROCESSED, "notify")
    await store.notify_followers(connection, rows)


async def _advance(
    connection: Connection, events: Sequence[Event], state: Sample.State.ValueType, type: str, action: str
) -> list[asyncpg.Record]:
    """Move samples to a state and record the change; return the samples that did not have the state yet."""
    causes = {UUID(event.subject): event for event in events}
    rows = await connection.fetch(ADVANCE, [*causes], state)
    if rows:
        follow = [outbox.following(causes[row["id"]], type, row["last_sequence"], ACTOR) for row in rows]
        await event_store.append(connection, follow)
        await audit.write(connection, action, ACTOR, {row["id"]: causes[row["id"]].correlation_id for row in rows})
    return rows


SUBSCRIPTIONS = (
    Subscription("backend_svc.index", [AWAITED[Sample.STATE_STORED]], index),
    Subscription("backend_svc.notify", [AWAITED[Sample.STATE_INDEXED]], notify),
)
CONSUMED = frozenset(AWAITED.values())
"""Types of the events that move a sample to its next state. They stay in the outbox until a queue is bound."""
