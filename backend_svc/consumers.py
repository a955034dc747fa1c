"""What follows the store of a sample: index, then notify. Each reads the current row and applies what it lacks."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from backend_svc import audit, event_store, filter, notifications
from backend_svc.samples import BARRED
from chassis import calls, outbox
from chassis.database import Connection
from chassis.inbox import Subscription
from fairdb.events.v1.event_pb2 import Event
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC
from fairdb.samples.v1.sample_pb2 import Sample

# States grow, so a sample that is already there, or quarantined, is left alone; so is one that is about to be.
ADVANCE = f"""
UPDATE sample SET state = $2, version = version + 1, last_sequence = last_sequence + 1, updated_at = now()
WHERE id = $1 AND state < $2 AND NOT {BARRED} RETURNING *
"""
INDEX = """
INSERT INTO sample_field (sample_id, field, class, text_value, number_value)
SELECT $1, * FROM unnest($2::text[], $3::smallint[], $4::text[], $5::float8[])
ON CONFLICT (sample_id, field) DO UPDATE
SET class = excluded.class, text_value = excluded.text_value, number_value = excluded.number_value
"""


async def index(connection: Connection, event: Event) -> None:
    """Make a sample findable."""
    row = await _advance(connection, event, Sample.STATE_INDEXED, "sample.indexed", "index")
    if row is not None:
        names, classes, texts, numbers = zip(*_fields(row), strict=True)
        await connection.execute(INDEX, row["id"], names, classes, texts, numbers)


async def notify(connection: Connection, event: Event) -> None:
    """Tell whoever follows the sample's organism or study."""
    row = await _advance(connection, event, Sample.STATE_PROCESSED, "sample.processed", "notify")
    if row is not None:
        await notifications.notify_followers(connection, row["id"], row["organism"], row["study"], row["owner"])


async def _advance(
    connection: Connection, event: Event, state: Sample.State.ValueType, type: str, action: str
) -> Mapping[str, Any] | None:
    """Move a sample on and record that; None when there is nothing to do."""
    row = await connection.fetchrow(ADVANCE, UUID(event.subject), state)
    if row is not None:
        await event_store.append(connection, [outbox.new_event(type, event.subject, row["last_sequence"])])
        await audit.write(connection, [row["id"]], action, calls.current().caller.actor)
    return row


def _fields(row: Mapping[str, Any]) -> Iterator[tuple[str, int, str | None, float | None]]:
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
