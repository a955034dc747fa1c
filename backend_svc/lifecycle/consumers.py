"""What follows the store of samples: index, then notify. Each reads the current rows and applies what they lack."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from backend_svc.history import audit, event_store
from backend_svc.lifecycle.settlement import AWAITED
from backend_svc.notifications import store
from backend_svc.samples import filter
from backend_svc.samples.lookup import BARRED
from chassis.events import outbox
from chassis.events.inbox import Subscription
from chassis.storage.database import Connection
from fairdb.events.v1.event_pb2 import Event
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC
from fairdb.samples.v1.sample_pb2 import Sample

ACTOR = "service:backend_svc"

# States grow, so a sample that is already there, or quarantined, is left alone; so is one that is about to be. Locked
# in the order of their ids, as a withdrawal locks them.
ADVANCE = f"""
WITH waiting AS MATERIALIZED (
    SELECT id FROM sample WHERE id = ANY ($1::uuid[]) AND state < $2 AND NOT {BARRED} ORDER BY id FOR NO KEY UPDATE
)
UPDATE sample SET state = $2, version = version + 1, last_sequence = last_sequence + 1, updated_at = now()
FROM waiting WHERE sample.id = waiting.id RETURNING sample.id, last_sequence, owner, study, organism
"""
# Each field that a filter may compare. None of them is there yet: a sample is indexed once.
INDEX = f"""
INSERT INTO sample_field (sample_id, field, class, text_value, number_value)
SELECT id, found.field, coalesce((classes ->> found.field)::smallint, {FIELD_CLASS_PUBLIC}),
       left(found.text, {filter.LONGEST_TEXT + 1}), found.number
FROM sample CROSS JOIN LATERAL (
    VALUES ('organism', organism, NULL::float8), ('subject', nullif(subject, ''), NULL),
           ('collectionDate', nullif(collection_date, ''), NULL), ('taxonId', NULL, nullif(taxon_id, 0))
    UNION ALL
    SELECT 'metadata.' || key,
           CASE WHEN jsonb_typeof(value) IN ('string', 'boolean') THEN value #>> '{{}}' END,
           CASE WHEN jsonb_typeof(value) = 'number' THEN (value #>> '{{}}')::float8 END
    FROM jsonb_each(metadata)
) AS found (field, text, number)
WHERE id = ANY ($1::uuid[]) AND num_nonnulls(found.text, found.number) = 1
"""


async def index(connection: Connection, events: Sequence[Event]) -> None:
    """Make samples findable."""
    rows = await _advance(connection, events, Sample.STATE_INDEXED, "sample.indexed", "index")
    if rows:
        await connection.execute(INDEX, [row["id"] for row in rows])


async def notify(connection: Connection, events: Sequence[Event]) -> None:
    """Tell whoever follows a sample's organism or study."""
    rows = await _advance(connection, events, Sample.STATE_PROCESSED, "sample.processed", "notify")
    await store.notify_followers(connection, rows)


async def _advance(
    connection: Connection, events: Sequence[Event], state: Sample.State.ValueType, type: str, action: str
) -> list[asyncpg.Record]:
    """Move samples on and record that; return those with which there was something to do."""
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
"""Event types that move a sample on: one without a queue stays in the outbox."""
