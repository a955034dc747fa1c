"""The outbox: events written in the transaction that makes them true, and published afterwards by a relay.

`record` belongs into the transaction. `Relay` claims what is there (SKIP LOCKED, so several may run), publishes it,
waits for the broker's confirms and deletes what was confirmed. An event is published at least once; never zero times.
What cannot be published is put off, so that it does not stand in the way of what comes after it.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from uuid6 import uuid7

from chassis import call_context
from chassis.errors import ServiceUnavailable
from chassis.events.publisher import Publisher
from chassis.storage.database import Connection, Database
from chassis.telemetry import OUTBOX_PENDING, describe, log
from fairdb.events.v1.event_pb2 import Event

_BATCH = 500
_POLL_SECONDS = 1.0
_SOON_SECONDS = 0.005  # after `wake`: enough for most commits
_BUSY_SECONDS = 0.05  # the same right after a batch: a transaction for each few events costs more than they do
_RETRY_SECONDS = 0.5
_COUNT_SECONDS = 1.0  # counting a long backlog after each batch would slow its publication

INTO = "INSERT INTO outbox (id, type, event)"
"""For statements that write events together with the rows that make them true."""
INSERT = f"""
{INTO}
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
ON CONFLICT (id) DO NOTHING -- an event that is to be published once more, and still waits for the first time
"""
CLAIM = """
SELECT id, type, event FROM outbox WHERE due_at <= now() ORDER BY due_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
# As long again as it has waited. The spread parts events that were in one batch: one of them may have failed them all.
PUT_OFF = """
UPDATE outbox SET due_at = clock_timestamp()
    + (0.5 + random()) * least(greatest(clock_timestamp() - created_at, interval '1 s'), interval '10 s')
WHERE id = ANY($1::uuid[])
"""
DELETE = "DELETE FROM outbox WHERE id = ANY($1::uuid[])"
COUNT = "SELECT count(*) FROM outbox"

_relays: set[asyncio.Event] = set()


def following(cause: Event, type: str, sequence: int, actor: str) -> Event:
    """Return an event that follows another one of the same subject, now, in the same trace."""
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
    """Return an event of the call being served, now."""
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
    """Tell the relays of this process that there is something to publish, now or as soon as the caller commits.

    Not by NOTIFY: PostgreSQL commits transactions that notify one after the other.
    """
    for relay in _relays:
        relay.set()


class Relay:
    """Moves events from the outbox to the broker."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._wake = asyncio.Event()
        self._counted_at = float("-inf")

    async def run(self) -> None:
        """Publish until cancelled. Woken it looks soon, and then ever less often; unwoken it looks every second."""
        await self._database.migrated()
        _relays.add(self._wake)
        pause = _SOON_SECONDS
        try:
            while True:
                self._wake.clear()
                try:
                    published = await self._publish_batch()
                    if published == _BATCH:
                        continue
                except ServiceUnavailable as error:
                    log.info("relay_waits", error=type(error).__name__)
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                except Exception as error:
                    log.error("relay_failed", **describe(error))
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pause = min(pause * 2, _POLL_SECONDS)
                else:
                    pause = _SOON_SECONDS
                    await asyncio.sleep(_BUSY_SECONDS if published else pause)
        finally:
            _relays.discard(self._wake)

    async def _publish_batch(self) -> int:
        await self._count()
        try:
            # Before the transaction: while the broker is away none must stay open.
            async with asyncio.timeout(_POLL_SECONDS):
                await self._publisher.connected()
        except TimeoutError:
            return 0
        async with self._database.transaction() as connection:
            rows = await connection.fetch(CLAIM, _BATCH)
            if rows:
                confirmed = await self._publisher.publish([(row["type"], row["id"], row["event"]) for row in rows])
                done = [row["id"] for row, ok in zip(rows, confirmed, strict=True) if ok]
                undone = [row["id"] for row, ok in zip(rows, confirmed, strict=True) if not ok]
                await connection.execute(DELETE, done)
                if undone:
                    await connection.execute(PUT_OFF, undone)
        return len(rows)

    async def _count(self) -> None:
        """Set the gauge, also and above all while the broker is away; at most once a second."""
        if time.monotonic() - self._counted_at > _COUNT_SECONDS:
            OUTBOX_PENDING.set(await self._database.fetchval(COUNT))
            self._counted_at = time.monotonic()
