"""The event store: what happened to each sample, as it was published. Written by sql/store.sql and sql/advance.sql."""

from uuid import UUID

from chassis.database import Database
from fairdb.events.v1.event_pb2 import Event

LIST = "SELECT event FROM sample_event WHERE subject = $1 ORDER BY sequence"


async def list_of(database: Database, subject: UUID) -> list[Event]:
    """Return a sample's events, by sequence."""
    return [Event.FromString(row["event"]) for row in await database.pool.fetch(LIST, subject)]
