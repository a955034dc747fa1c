"""RabbitMQ: the exchange, the queues, and a publisher that knows what arrived.

fairdb.events       topic exchange; routing key is the event's type
<service>.<name>    one quorum queue a consumer; after DELIVERY_LIMIT failures a message goes to
fairdb.dead         direct exchange, at least once, and from there to
<service>.<name>.dead
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractQueue
from aio_pika.exceptions import AMQPError, DeliveryError, PublishError
from aiormq.exceptions import ChannelInvalidStateError

from chassis.telemetry import log

EXCHANGE = "fairdb.events"
DEAD_EXCHANGE = "fairdb.dead"
DELIVERY_LIMIT = 6
CONFIRM_SECONDS = 10.0
CONNECT_SECONDS = 5.0
_MAX_BACKOFF = 3.0

AWAY = (OSError, TimeoutError, AMQPError, ChannelInvalidStateError, RuntimeError)
"""What aio-pika raises while the broker is away; RuntimeError is its answer on a transport that has just closed."""

NEEDED = frozenset({"sample.anonymized", "sample.indexed"})
"""Events that a part of the platform waits for: without a queue bound for them they stay in the outbox. All others
are announcements for whoever subscribes."""


async def keep_trying(what: str, session: Callable[[], Awaitable[None]]) -> None:
    """Run `session` again whenever it ends because the broker is away, until cancelled."""
    backoff = 0.1
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await session()
        except AWAY as error:
            log.info("broker_away", during=what, error=type(error).__name__)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # A connection attempt that fails at the same moment loses the cancellation.
            raise asyncio.CancelledError
        if asyncio.get_running_loop().time() - started > 2 * _MAX_BACKOFF:
            backoff = 0.1
        await asyncio.sleep(backoff * random.uniform(0.5, 1.0))
        backoff = min(backoff * 2, _MAX_BACKOFF)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[tuple[AbstractConnection, asyncio.Event]]:
    """Open a connection; the event is set when it is lost."""
    connection = await aio_pika.connect(url, timeout=CONNECT_SECONDS)
    lost = asyncio.Event()
    connection.close_callbacks.add(lambda *_: lost.set())
    try:
        yield connection, lost
    finally:
        await connection.close()


async def declare_exchange(channel: AbstractChannel) -> AbstractExchange:
    """Declare the exchange that carries every event."""
    return await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)


async def declare_queue(channel: AbstractChannel, name: str, types: Sequence[str]) -> AbstractQueue:
    """Declare a consumer's queue and its dead-letter queue, and bind it to event types."""
    exchange = await declare_exchange(channel)
    dead = await channel.declare_exchange(DEAD_EXCHANGE, aio_pika.ExchangeType.DIRECT, durable=True)
    dead_queue = await channel.declare_queue(f"{name}.dead", durable=True, arguments={"x-queue-type": "quorum"})
    await dead_queue.bind(dead, routing_key=name)
    queue = await channel.declare_queue(
        name,
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            # All four together make dead-lettering at-least-once; without one it falls back silently.
            "x-dead-letter-exchange": DEAD_EXCHANGE,
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
    for type in types:
        await queue.bind(exchange, routing_key=type)
    return queue


class Publisher:
    """Publishes batches and says of each message whether the broker has it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._exchange: AbstractExchange | None = None
        self._connected = asyncio.Event()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        await keep_trying("publishing", self._session)

    async def _session(self) -> None:
        async with connect(self._url) as (connection, lost):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel.close_callbacks.add(lambda *_: lost.set())
            self._exchange = await declare_exchange(channel)
            self._connected.set()
            try:
                await lost.wait()
            finally:
                self._exchange = None
                self._connected.clear()

    async def connected(self) -> None:
        """Wait for a connection."""
        await self._connected.wait()

    async def publish(self, messages: Sequence[tuple[str, str, bytes]]) -> list[bool]:
        """Publish (type, id, body) each; return for each whether it is durable with the broker."""
        exchange = self._exchange
        if exchange is None:
            return [False] * len(messages)
        results = await asyncio.gather(
            *(self._publish_one(exchange, *message) for message in messages), return_exceptions=True
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, AWAY):
                raise failure
        return [result is None for result in results]

    async def _publish_one(self, exchange: AbstractExchange, type: str, id: str, body: bytes) -> None:
        message = aio_pika.Message(
            body,
            message_id=id,
            type=type,
            content_type="application/protobuf",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            await exchange.publish(message, routing_key=type, mandatory=type in NEEDED, timeout=CONFIRM_SECONDS)
        except PublishError:
            log.error("event_unroutable", type=type, event_id=id)
            raise
        except DeliveryError:
            log.error("event_refused", type=type, event_id=id)
            raise
