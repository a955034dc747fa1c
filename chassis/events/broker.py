"""RabbitMQ: exchanges, queues, and a connection that reconnects.

fairdb.events               topic exchange; routing key is the event's type
<service>.<name>            one quorum queue for each consumer
<service>.<name>.retry.5s   (and 30s, 5m) delays a failed message, then returns it to that one queue
fairdb.dead                 direct exchange for messages that failed every retry
<service>.<name>.dead       a consumer's failed messages, until an operator replays them (see `dead_letters`)
fairdb.queues               the names of the consumers' queues, because AMQP cannot list queues

A message that moves between queues may be duplicated but is not lost.

A broker that is short of disk space or memory stops reading from each connection that has published, until it has room
again ("resource alarm"). Acknowledgements on such a connection would not arrive either, so a consumer publishes on a
connection of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractMessage,
    AbstractQueue,
    HeadersType,
)
from aio_pika.connection import make_url
from aio_pika.exceptions import AMQPError
from aiormq.abc import AbstractConnection as Transport
from aiormq.exceptions import ChannelInvalidStateError, ChannelNotFoundEntity

from chassis.backoff import Backoff
from chassis.tasks import raise_lost_cancellation

log = structlog.get_logger()


EXCHANGE = "fairdb.events"
DEAD_EXCHANGE = "fairdb.dead"
EXCHANGES = {EXCHANGE: aio_pika.ExchangeType.TOPIC, DEAD_EXCHANGE: aio_pika.ExchangeType.DIRECT}
DELIVERY_LIMIT = 6
"""After this many redeliveries without an acknowledgement, a message is assumed to crash its consumer."""

RETRY_DELAYS = (5.0, 30.0, 300.0)
"""Seconds before each retry; after the last one a message becomes a dead letter."""

DIRECTORY = "fairdb.queues"
ATTEMPTS, ERROR, FAILED_AT, QUEUE = "fairdb-attempts", "fairdb-error", "fairdb-time", "fairdb-queue"
"""Headers of a failed message: attempts, the last error's type (never its text), its time, the consumer's queue."""

CONFIRM_SECONDS = 10.0
CONNECT_SECONDS = 5.0
SET_UP_SECONDS = 30.0
"""How long a session may take to declare what it needs. A busy broker needs seconds for a new quorum queue."""
_CLOSE_SECONDS = 3.0
_HEARTBEAT_SECONDS = 10
"""A connection on which nothing arrives for three times as long is lost, such as one to a broker that hangs."""
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.1, 3.0

UNAVAILABLE = (OSError, TimeoutError, AMQPError, ChannelInvalidStateError, RuntimeError)
"""Errors of aio-pika while the broker is unavailable. RuntimeError means that the transport has just closed."""


async def keep_connected(purpose: str, session: Callable[[], Awaitable[None]]) -> None:
    """Run `session` again whenever it ends or the broker is unavailable, until cancelled."""
    backoff = Backoff(_FIRST_BACKOFF, _LONGEST_BACKOFF)
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await session()
        except UNAVAILABLE as error:
            log.info("broker_unavailable", purpose=purpose, error=type(error).__name__)
        # aio-pika loses a cancellation if the connection attempt fails at the same moment.
        raise_lost_cancellation()
        if asyncio.get_running_loop().time() - started > 2 * _LONGEST_BACKOFF:
            backoff.reset()
        await backoff.pause()


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[tuple[AbstractConnection, asyncio.Event]]:
    """Open a connection; the event is set when it is lost."""
    # Do not use aio_pika.connect(): if it fails, the garbage collector closes the connection, maybe in another thread.
    connection = aio_pika.Connection(make_url(url).update_query(heartbeat=_HEARTBEAT_SECONDS))
    lost = asyncio.Event()
    connection.close_callbacks.add(lambda *_: lost.set())
    try:
        await connection.connect(timeout=CONNECT_SECONDS)
        yield connection, lost
    finally:
        # A broker that hangs does not answer, and may not even read.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.close()


def is_blocked(transport: Transport) -> bool:
    """Return whether the broker has stopped reading from a connection, because it is short of disk space or memory."""
    # aiormq only lets callers wait for the end of the block. While there is none, that wait ends at its first step.
    waiting = transport.ready()
    try:
        waiting.send(None)
    except StopIteration:
        return False
    finally:
        waiting.close()
    return True


async def declare_exchange(
    connection: AbstractConnection, name: str = EXCHANGE, type: aio_pika.ExchangeType = EXCHANGES[EXCHANGE]
) -> None:
    """Declare an exchange unless it exists. Services lack the right to declare it, which includes deleting it."""
    try:
        async with await connection.channel() as channel:
            await channel.declare_exchange(name, type, passive=True)
    except ChannelNotFoundEntity:
        async with await connection.channel() as channel:
            await channel.declare_exchange(name, type, durable=True)


async def declare_queue(
    connection: AbstractConnection,
    channel: AbstractChannel,
    name: str,
    types: Sequence[str],
    delays: Sequence[float] = RETRY_DELAYS,
) -> AbstractQueue:
    """Declare a consumer's queue, its retry queues and its dead letters, and bind the queue to event types."""
    for exchange_name, type in EXCHANGES.items():
        await declare_exchange(connection, exchange_name, type)
    exchange = await channel.get_exchange(EXCHANGE, ensure=False)
    dead = await channel.get_exchange(DEAD_EXCHANGE, ensure=False)
    dead_queue = await channel.declare_queue(dead_name(name), durable=True, arguments={"x-queue-type": "quorum"})
    await dead_queue.bind(dead, routing_key=name)
    for delay in delays:
        # Return messages through the default exchange: it routes to this queue only, so that other consumers do not
        # receive the event again.
        arguments = {**_forwarding_to("", name), "x-message-ttl": round(delay * 1000)}
        await channel.declare_queue(retry_name(name, delay), durable=True, arguments=arguments)
    arguments = {**_forwarding_to(DEAD_EXCHANGE, name), "x-delivery-limit": DELIVERY_LIMIT}
    queue = await channel.declare_queue(name, durable=True, arguments=arguments)
    for event_type in types:
        await queue.bind(exchange, routing_key=event_type)
    await declare_directory(channel)
    return queue


async def list_queue(channel: AbstractChannel, name: str) -> None:
    """Add a consumer's queue to the directory."""
    await publish(channel, "", DIRECTORY, aio_pika.Message(name.encode()))


async def declare_directory(channel: AbstractChannel) -> AbstractQueue:
    """Declare the queue of queue names. Each consumer adds its queue's name whenever it connects (`list_queue`)."""
    arguments = {"x-queue-type": "quorum", "x-max-length": 10_000}
    return await channel.declare_queue(DIRECTORY, durable=True, arguments=arguments)


def dead_name(queue: str) -> str:
    """Return the name of a consumer's dead-letter queue."""
    return f"{queue}.dead"


def retry_name(queue: str, delay: float) -> str:
    """Return the name of the queue that delays a consumer's messages by `delay` seconds, such as `index.retry.5s`."""
    if delay < 1:
        return f"{queue}.retry.{delay * 1000:.0f}ms"
    return f"{queue}.retry.{delay:.0f}s" if delay < 60 else f"{queue}.retry.{delay / 60:.0f}m"


def _forwarding_to(exchange: str, routing_key: str) -> dict[str, Any]:
    """Return the arguments of a queue with at-least-once dead-lettering.

    If any of them is missing, RabbitMQ silently falls back to at-most-once.
    """
    return {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": exchange,
        "x-dead-letter-routing-key": routing_key,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def move(
    channel: AbstractChannel, exchange: str, routing_key: str, message: AbstractMessage, headers: HeadersType
) -> None:
    """Publish a copy of a received message and wait for the confirm; the caller then acknowledges the original.

    The headers are replaced: with the old `x-death`, the broker would detect a cycle next time and drop the message.
    """
    copy = aio_pika.Message(
        message.body,
        headers=headers,
        message_id=message.message_id,
        type=message.type,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await publish(channel, exchange, routing_key, copy)


async def publish(channel: AbstractChannel, exchange: str, routing_key: str, message: aio_pika.Message) -> None:
    """Publish a message and wait for the confirm, also while the broker is short of disk space or memory.

    The message must reach a queue, and may reach it twice. The exchange "" is the default one.
    """
    underlying = await channel.get_underlay_channel()
    while True:
        await underlying.connection.ready()
        try:
            await underlying.basic_publish(
                message.body,
                exchange=exchange,
                routing_key=routing_key,
                properties=message.properties,
                mandatory=True,
                timeout=CONFIRM_SECONDS,
            )
            return
        except TimeoutError:
            if not is_blocked(underlying.connection):
                raise
            log.warning("broker_accepts_nothing", purpose=f"publishing to {routing_key}")


def attempts_of(message: AbstractMessage) -> int:
    """Return how many times a message has failed."""
    return int(str(message.headers.get(ATTEMPTS, 0)))


def failure_headers(queue: str, attempts: int, error: str) -> HeadersType:
    """Return the headers of a message that failed just now."""
    return {QUEUE: queue, ATTEMPTS: attempts, ERROR: error, FAILED_AT: datetime.now(UTC).isoformat(timespec="seconds")}
