"""The outbox: events written in the transaction that makes them true, and published afterwards by a relay.

`record` belongs into the transaction. `Relay` claims what is there (SKIP LOCKED, so several may run), publishes it,
waits for the broker's confirms and deletes what was confirmed. An event is published at least once; never zero times.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
from uuid6 import uuid7

from chassis import calls
from chassis.broker import Publisher
from chassis.database import Connection, Database
from chassis.errors import ServiceUnavailable
from chassis.telemetry import OUTBOX_PENDING, current_traceparent, describe, log
from fairdb.events.v1.event_pb2 import Event

_BATCH = 500
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_COUNT_SECONDS = 1.0  # counting a long backlog after each batch would slow its publication

INSERT = """
INSERT INTO outbox (id, type, event)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
"""
NOTIFY = "SELECT pg_notify('outbox_' || current_schema(), '')"
CHANNEL = "SELECT 'outbox_' || current_schema()"
CLAIM = """
SELECT id, type, event FROM outbox ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
DELETE = "DELETE FROM outbox WHERE id = ANY($1::uuid[])"
COUNT = "SELECT count(*) FROM outbox"


def new_event(type: str, subject: str, sequence: int = 0, actor: str | None = None) -> Event:
    """Return an event of the call being served, now."""
    call = calls.current()
    event = Event(
        id=str(uuid7()),
        type=type,
        subject=subject,
        sequence=sequence,
        actor=actor or call.caller.actor,
        correlation_id=call.correlation_id,
        traceparent=current_traceparent(call.traceparent),
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
    await connection.execute(NOTIFY)


class Relay:
    """Moves events from the outbox to the broker."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._wake = asyncio.Event()
        self._counted_at = float("-inf")

    async def run(self) -> None:
        """Publish until cancelled. A NOTIFY wakes it early; without one it looks every second."""
        await self._database.migrated()
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._wake.clear()
                try:
                    if await self._publish_batch() == _BATCH:
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
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            listening.cancel()

    async def _publish_batch(self) -> int:
        # Before the transaction: while the broker is away none must stay open.
        await self._publisher.connected()
        async with self._database.transaction() as connection:
            rows = await connection.fetch(CLAIM, _BATCH)
            if not rows:
                OUTBOX_PENDING.set(0)
                return 0
            confirmed = await self._publisher.publish([(row["type"], str(row["id"]), row["event"]) for row in rows])
            await connection.execute(DELETE, [row["id"] for row, ok in zip(rows, confirmed, strict=True) if ok])
            if time.monotonic() - self._counted_at > _COUNT_SECONDS:
                OUTBOX_PENDING.set(await connection.fetchval(COUNT))
                self._counted_at = time.monotonic()
        if not any(confirmed):
            await asyncio.sleep(_RETRY_SECONDS)
        return len(rows)

    async def _listen(self) -> None:
        """Hold a connection of its own that hears NOTIFY; the loop works without it, only later."""

        def wake(*_: object) -> None:
            self._wake.set()

        while True:
            try:
                async with self._database.connection() as connection:
                    channel = await connection.fetchval(CHANNEL)
                    await connection.add_listener(channel, wake)
                    gone = asyncio.Event()
                    connection.add_termination_listener(lambda *_, gone=gone: gone.set())
                    try:
                        self._wake.set()
                        await gone.wait()
                    finally:
                        await connection.remove_listener(channel, wake)
            except (ServiceUnavailable, asyncpg.PostgresError):
                pass
            await asyncio.sleep(_POLL_SECONDS)
