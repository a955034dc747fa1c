"""The outbox: an event is written in the transaction of the change that it reports; a relay publishes it afterwards.

`record` runs inside that transaction. `Relay` claims rows (SKIP LOCKED, so several relays may run), publishes them,
waits for the broker's confirms and deletes the confirmed rows. Every event is published at least once.
An event that cannot be published is postponed, so that it does not block those after it.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge
from uuid6 import uuid7

from chassis import call_context
from chassis.background import Background
from chassis.backoff import Backoff
from chassis.errors import ServiceUnavailable
from chassis.events.publisher import Publisher
from chassis.storage.database import Connection, Database, Report
from fairdb.events.v1.event_pb2 import Event

log = structlog.get_logger()

OUTBOX_PENDING = Gauge("outbox_pending", "Events that are durable and not yet published.")

_BATCH = 500
_POLL_SECONDS = 1.0
_SOON_SECONDS = 0.005  # pause after `wake`: long enough for most commits
_BUSY_SECONDS = 0.05  # pause after `wake` if events were just published, so that more share a transaction
_FIRST_RETRY, _LONGEST_RETRY = 0.5, 2.0
_COUNT_SECONDS = 1.0  # pause between counts: counting a long backlog after each batch would slow its publication

INTO = "INSERT INTO outbox (id, type, event)"
"""For statements that write events together with the change that the events report."""
# ON CONFLICT, because an event that is recorded a second time may still be in the table.
INSERT = f"""
{INTO}
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
ON CONFLICT (id) DO NOTHING
"""
CLAIM = """
SELECT id, type, event FROM outbox WHERE due_at <= now() ORDER BY due_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
# Postpone each event by about its age. The random factor puts events that failed together into different batches,
# because one of them may have caused the failure of the others.
PUT_OFF = """
UPDATE outbox SET due_at = clock_timestamp()
    + (0.5 + random()) * least(greatest(clock_timestamp() - created_at, interval '1 s'), interval '10 s')
WHERE id = ANY($1::uuid[])
"""
DELETE = "DELETE FROM outbox WHERE id = ANY($1::uuid[])"
COUNT = "SELECT count(*) FROM outbox"

_relays: set[asyncio.Event] = set()


def following(cause: Event, type: str, sequence: int, actor: str) -> Event:
    """Return a new event that follows `cause`: same subject, correlation id and trace."""
    event = Event(
        id=str(uuid7()),
        type=type,
        subject=cause.subject,
        sequence=sequence,
        actor=actor,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
    )
    event.time.FromDatetime(datetime.now(UTC))
    return event


def new_event(type: str, subject: str, sequence: int = 0, actor: str | None = None) -> Event:
    """Return a new event that belongs to the call being served. `actor` defaults to the caller."""
    call = call_context.current()
    event = Event(
        id=str(uuid7()),
        type=type,
        subject=subject,
        sequence=sequence,
        actor=actor or call.caller.actor,
        correlation_id=call.correlation_id,
        traceparent=call.traceparent,
    )
    event.time.FromDatetime(datetime.now(UTC))
    return event


async def record(connection: Connection, events: Sequence[Event]) -> None:
    """Write events to the outbox, inside the caller's transaction."""
    await connection.execute(
        INSERT,
        [event.id for event in events],
        [event.type for event in events],
        [event.SerializeToString() for event in events],
    )
    wake()


def wake() -> None:
    """Wake the relays of this process: there are events to publish, now or as soon as the caller commits.

    NOTIFY would not do: PostgreSQL commits transactions that notify one after the other.
    """
    for relay in _relays:
        relay.set()


def start_publishing(
    background: Background, database: Database, broker_url: str, *, mandatory: Collection[str] = ()
) -> Publisher:
    """Start the background work that publishes the events in a database's outbox: the broker connection and the relay.

    `mandatory`: event types that stay in the outbox until a queue is bound for them. Return the publisher.
    """
    publisher = Publisher(broker_url, mandatory=mandatory)
    background.start("broker connection", publisher.run)
    background.start("outbox", Relay(database, publisher, background.report).run)
    return publisher


def poll_pause(idle: Backoff) -> float:
    """Return the seconds until the next poll, at most one."""
    return min(idle.next_pause(), _POLL_SECONDS)


class Relay:
    """Moves events from the outbox to the broker."""

    def __init__(self, database: Database, publisher: Publisher, report: Report = lambda trouble: None) -> None:
        """Set up. `report` is called while the broker does not take events that wait."""
        self._database = database
        self._publisher = publisher
        self._report = report
        self._wake = asyncio.Event()
        self._counted_at = float("-inf")
        self._pending = 0

    async def run(self) -> None:
        """Publish until cancelled.

        Poll soon after `wake`, then ever less often; at least once a second while database and broker are available.
        """
        await self._database.migrated()
        _relays.add(self._wake)
        idle = Backoff(_SOON_SECONDS, _POLL_SECONDS)
        retry = Backoff(_FIRST_RETRY, _LONGEST_RETRY)
        try:
            while True:
                self._wake.clear()
                try:
                    published = await self._publish_batch()
                except ServiceUnavailable as error:
                    log.info("relay_waits", error=type(error).__name__)
                    await retry.pause()
                    continue
                retry.reset()
                if published == _BATCH:
                    continue
                try:
                    async with asyncio.timeout(poll_pause(idle)):
                        await self._wake.wait()
                except TimeoutError:
                    continue
                idle.reset()
                await asyncio.sleep(_BUSY_SECONDS if published else _SOON_SECONDS)
        finally:
            _relays.discard(self._wake)

    async def _publish_batch(self) -> int:
        """Publish the events that are due, at most one batch, and return how many were claimed."""
        await self._count()
        try:
            # Wait before opening the transaction, which must not stay open while the broker is unavailable.
            async with asyncio.timeout(_POLL_SECONDS):
                await self._publisher.connected()
        except TimeoutError:
            if self._pending:
                self._report("outbox: the broker cannot be reached")
            return 0
        async with self._database.transaction() as connection:
            rows = await connection.fetch(CLAIM, _BATCH)
            if rows:
                confirmed = await self._publisher.publish([(row["type"], row["id"], row["event"]) for row in rows])
                done = [row["id"] for row, ok in zip(rows, confirmed, strict=True) if ok]
                undone = [row["id"] for row, ok in zip(rows, confirmed, strict=True) if not ok]
                await connection.execute(DELETE, done)
                if undone:
                    self._report("outbox: the broker does not take all events")
                    await connection.execute(PUT_OFF, undone)
        return len(rows)

    async def _count(self) -> None:
        """Set the gauge at most once a second, also while the broker is unavailable."""
        if time.monotonic() - self._counted_at > _COUNT_SECONDS:
            self._pending = await self._database.fetchval(COUNT)
            OUTBOX_PENDING.set(self._pending)
            self._counted_at = time.monotonic()
