"""What follows the store of samples: index, then notify. Each reads the current rows and applies what they lack."""

import json
from collections.abc import Iterator, Sequence
from uuid import UUID

import asyncpg

from backend_svc import audit, event_store, filter, notifications
from backend_svc.samples import BARRED
from chassis import outbox
from chassis.database import Connection
from chassis.inbox import Subscription
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
FROM waiting WHERE sample.id = waiting.id RETURNING sample.*
"""
# None of them is there yet: a sample is indexed once.
INDEX = """
INSERT INTO sample_field (sample_id, field, class, text_value, number_value)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::float8[])
"""


async def index(connection: Connection, events: Sequence[Event]) -> None:
    """Make samples findable."""
    rows = await _advance(connection, events, Sample.STATE_INDEXED, "sample.indexed", "index")
    fields = [(row["id"], *field) for row in rows for field in _fields(row)]
    if fields:
        await connection.execute(INDEX, *zip(*fields, strict=True))


async def notify(connection: Connection, events: Sequence[Event]) -> None:
    """Tell whoever follows a sample's organism or study."""
    rows = await _advance(connection, events, Sample.STATE_PROCESSED, "sample.processed", "notify")
    await notifications.notify_followers(connection, rows)


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


def _fields(row: asyncpg.Record) -> Iterator[tuple[str, int, str | None, float | None]]:
    """Yield name, class, text and number of each field that a filter may compare."""
    classes = json.loads(row["classes"])
    values = {
        "organism": row["organism"],
        "subject": row["subject"] or None,
        "taxonId": row["taxon_id"] or None,
        "collectionDate": row["collection_date"] or None,
        **{f"metadata.{name}": value for name, value in json.loads(row["metadata"]).items()},
    }
    for name, value in values.items():
        field_class = classes.get(name, FIELD_CLASS_PUBLIC)
        if isinstance(value, bool):
            yield name, field_class, str(value).lower(), None
        elif isinstance(value, int | float):
            yield name, field_class, None, float(value)
        elif value is not None:
            yield name, field_class, value[: filter.LONGEST_TEXT + 1], None


SUBSCRIPTIONS = (
    Subscription("backend_svc.index", ["sample.anonymized"], index),
    Subscription("backend_svc.notify", ["sample.indexed"], notify),
)
