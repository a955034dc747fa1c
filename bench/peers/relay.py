"""The peers' outbox relay: claims rows in batches, publishes them, and deletes those that the broker has confirmed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import aio_pika
import asyncpg

EXCHANGE = "bench.events"
_BATCH = 500
_POLL_SECONDS = 1.0
_SOON_SECONDS = 0.005
CLAIM = "SELECT id, type, event FROM outbox ORDER BY created_at, id LIMIT $1 FOR UPDATE SKIP LOCKED"
DELETE = "DELETE FROM outbox WHERE id = ANY($1::uuid[])"

log = logging.getLogger(__name__)


class Relay:
    """Moves events from the outbox to the broker."""

    def __init__(self, pool: asyncpg.Pool, broker_url: str) -> None:
        self._pool = pool
        self._broker_url = broker_url
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that there is something to publish."""
        self._wake.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish while inside."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._publish_while_connected()
            except Exception as error:
                log.warning("relay: %s", type(error).__name__)
                await asyncio.sleep(_POLL_SECONDS)

    async def _publish_while_connected(self) -> None:
        async with await aio_pika.connect(self._broker_url) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
            while True:
                self._wake.clear()
                if await self._publish_batch(exchange) == _BATCH:
                    continue
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _POLL_SECONDS)
                    # For others to join the batch.
                    await asyncio.sleep(_SOON_SECONDS)

    async def _publish_batch(self, exchange: aio_pika.abc.AbstractExchange) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(CLAIM, _BATCH)
            if rows:
                await asyncio.gather(*(_publish(exchange, row) for row in rows))
                await connection.execute(DELETE, [row["id"] for row in rows])
        return len(rows)


async def _publish(exchange: aio_pika.abc.AbstractExchange, row: asyncpg.Record) -> None:
    message = aio_pika.Message(
        row["event"].encode(),
        message_id=str(row["id"]),
        type=row["type"],
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await exchange.publish(message, routing_key=row["type"], mandatory=True)
