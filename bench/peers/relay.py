"""The peers' outbox relay: claims rows in batches, publishes them, and deletes those that the broker has confirmed.

It publishes with the platform's own code, and pauses as the platform's relay does.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import asyncpg

from backend_svc.lifecycle.consumers import CONSUMED
from chassis.events.publisher import Publisher

EXCHANGE = "bench.events"
_BATCH = 500
_POLL_SECONDS = 1.0
_SOON_SECONDS = 0.005
_BUSY_SECONDS = 0.05
CLAIM = "SELECT id, type, event FROM outbox ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED"
DELETE = "DELETE FROM outbox WHERE id = ANY($1::uuid[])"

log = logging.getLogger(__name__)


class Relay:
    """Moves events from the outbox to the broker."""

    def __init__(self, pool: asyncpg.Pool, broker_url: str) -> None:
        self._pool = pool
        self._publisher = Publisher(broker_url, EXCHANGE, mandatory=CONSUMED)
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Wake the relay, because there are new events to publish."""
        self._wake.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish until the block ends."""
        tasks = [asyncio.create_task(self._publisher.run()), asyncio.create_task(self._run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                published = await self._publish_batch()
            except Exception as error:
                log.warning("relay: %s", type(error).__name__)
                await asyncio.sleep(_POLL_SECONDS)
                continue
            if published == _BATCH:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
                # Wait so that more events join the batch.
                await asyncio.sleep(_BUSY_SECONDS if published else _SOON_SECONDS)

    async def _publish_batch(self) -> int:
        await self._publisher.connected()
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(CLAIM, _BATCH)
            if rows:
                messages = [(row["type"], row["id"], row["event"].encode()) for row in rows]
                confirmed = await self._publisher.publish(messages)
                done = [row["id"] for row, ok in zip(rows, confirmed, strict=True) if ok]
                await connection.execute(DELETE, done)
        return len(rows)
