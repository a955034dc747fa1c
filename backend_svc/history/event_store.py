"""The event store: what happened to each sample, in order. Rows are never removed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from chassis.events import outbox
from chassis.storage.database import Connection, Database
from fairdb.events.v1.event_pb2 import Event

INTO = "INSERT INTO event (subject, sequence, id, type, time, actor, correlation_id, traceparent)"
APPEND = f"""
{INTO}
SELECT * FROM unnest(
    $1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[]
)
"""
LIST = "SELECT * FROM event WHERE subject = $1 ORDER BY sequence"


async def append(connection: Connection, events: Sequence[Event]) -> None:
    """Record events here and in the outbox, inside the caller's transaction."""
    if not events:
        return
    await connection.execute(
        APPEND,
        [UUID(event.subject) for event in events],
        [event.sequence for event in events],
        [UUID(event.id) for event in events],
        [event.type for event in events],
        [time_of(event) for event in events],
        [event.actor for event in events],
        [event.correlation_id for event in events],
        [event.traceparent for event in events],
    )
    await outbox.record(connection, events)


async def list_events(database: Database, subject: UUID) -> list[Event]:
    """Return a subject's events in the order of their sequence numbers."""
    return [to_event(row) for row in await database.fetch(LIST, subject)]


def to_event(row: asyncpg.Record) -> Event:
    """Return the event of a row."""
    event = Event(
        id=str(row["id"]),
        type=row["type"],
        subject=str(row["subject"]),
        sequence=row["sequence"],
        actor=row["actor"],
        correlation_id=row["correlation_id"],
        traceparent=row["traceparent"],
    )
    event.time.FromDatetime(row["time"])
    return event


def time_of(event: Event) -> datetime:
    """Return an event's time."""
    return event.time.ToDatetime(tzinfo=UTC)
