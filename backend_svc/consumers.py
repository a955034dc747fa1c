"""The last steps of a sample's creation, as consumers of its events: index, then notify.

Both are level-triggered: they look at the sample as it is now, and do nothing when it is past their step.
"""

from uuid import UUID

from backend_svc import lifecycle, notifications, search_index, stored_sample
from chassis.database import Connection
from chassis.inbox import Subscription
from fairdb.events.v1.event_pb2 import Event
from fairdb.samples.v1.sample_pb2 import Sample

LOCK = f"""
SELECT {stored_sample.COLUMNS}, s.last_sequence FROM sample AS s
WHERE s.id = $1 AND s.state = $2::smallint FOR NO KEY UPDATE
"""


async def index(connection: Connection, event: Event) -> None:
    """Put a stored sample into the search index."""
    row = await connection.fetchrow(LOCK, UUID(event.subject), Sample.STATE_STORED)
    if row is not None:
        await search_index.add(connection, stored_sample.from_row(row))
        await lifecycle.advance(connection, [row], lifecycle.INDEX, lifecycle.SERVICE)


async def notify(connection: Connection, event: Event) -> None:
    """Notify whoever follows the organism or study of an indexed sample."""
    row = await connection.fetchrow(LOCK, UUID(event.subject), Sample.STATE_INDEXED)
    if row is not None:
        await notifications.notify_followers(connection, stored_sample.from_row(row).sample)
        await lifecycle.advance(connection, [row], lifecycle.NOTIFY, lifecycle.SERVICE)


SUBSCRIPTIONS = (
    Subscription("backend_svc.index", ("sample.anonymized",), index),
    Subscription("backend_svc.notify", ("sample.indexed",), notify),
)
