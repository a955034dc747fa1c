"""The publisher: sends batches of events to the exchange and reports which of them the broker confirmed.

It writes frames to aiormq's channel, below aio-pika's and aiormq's publish methods. Those methods spend a task, a
timer, a lock and a system call on each message. Writing the frames of a batch at once costs a third of that.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine, Sequence
from functools import lru_cache, partial
from typing import Any, cast
from uuid import UUID, uuid4

import aio_pika
import pamqp.frame
import structlog
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import spec
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from chassis.events.broker import (
    CONFIRM_SECONDS,
    EXCHANGE,
    SET_UP_SECONDS,
    UNAVAILABLE,
    connect,
    declare_exchange,
    is_blocked,
    keep_connected,
)
from chassis.tasks import cancel

log = structlog.get_logger()

_FRAME_BYTES = 64 * 1024
"""Half of the frame size that RabbitMQ accepts."""

_PROBE = "health.check"
"""Type of the messages that only find out whether the broker accepts messages. No queue receives them."""
_LOOK_SECONDS = 0.1
"""How often a batch that waits for the broker looks whether the broker has stopped reading."""

_ANY_ID = str(UUID(int=0))
_SIZE_AT = 11
"""Offset of the body's size in a header frame: after type, channel, length, class and weight."""

Message = tuple[str, UUID, bytes]
"""Type, id and body."""


class BrokerBlocked(Exception):
    """The broker accepts no messages: it is short of disk space or memory."""


class Publisher:
    """Publishes batches and reports for each message whether the broker confirmed it."""

    def __init__(self, url: str, exchange: str = EXCHANGE, *, mandatory: Collection[str] = ()) -> None:
        """Set up. `mandatory`: event types whose publication fails unless a queue is bound. Others need no queue."""
        self._url = url
        self._exchange = exchange
        self._mandatory = frozenset(mandatory)
        self._channel: Channel | None = None
        self._connected = asyncio.Event()
        self._give_up = asyncio.Event()
        self._blocked = asyncio.Event()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        await keep_connected("publishing", self._session)

    async def _session(self) -> None:
        async with connect(self._url) as (connection, lost):
            async with asyncio.timeout(SET_UP_SECONDS):
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                channel.close_callbacks.add(lambda *_: lost.set())
                await declare_exchange(connection, self._exchange)
                underlying = cast(Channel, await channel.get_underlay_channel())
            self._channel = underlying
            self._give_up = lost
            self._connected.set()
            try:
                await _first(lost.wait(), self._blocked.wait())
                if self._blocked.is_set():
                    # Keep the connection: each new one would be blocked too, and the broker would notice only
                    # afterwards that the old one is closed.
                    self._connected.clear()
                    log.warning("broker_accepts_nothing", purpose="publishing")
                    await _first(lost.wait(), underlying.connection.ready())
            finally:
                self._channel = None
                self._connected.clear()
                self._blocked.clear()

    async def connected(self) -> None:
        """Wait until there is a connection on which the broker accepts messages."""
        await self._connected.wait()

    async def check(self) -> str:
        """Return the broker's release. Raises BrokerBlocked or ConnectionError unless it accepts messages."""
        channel = self._channel
        if channel is None:
            raise ConnectionError("not connected to the broker")
        # The broker tells only those who publish that it is short of disk space or memory.
        if self._blocked.is_set() or await self.publish([(_PROBE, uuid4(), b"")]) != [True]:
            raise BrokerBlocked if self._blocked.is_set() else ConnectionError("the broker did not confirm a message")
        version = channel.connection.server_properties.get("version", "")
        return version.decode() if isinstance(version, bytes) else str(version)

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publish messages. Return for each, in order, whether the broker has made it durable."""
        channel, give_up = self._channel, self._give_up
        if channel is None or self._blocked.is_set() or not messages:
            return [False] * len(messages)
        confirms: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await _while_read(channel, _send(channel, self._exchange, self._mandatory, messages, confirms))
                await _while_read(channel, asyncio.wait(confirms))
        except BrokerBlocked:
            # Once the broker reads again, it receives these messages, which are also published again.
            log.warning("events_unconfirmed", count=len(messages), error=BrokerBlocked.__name__)
            self._blocked.set()
        except UNAVAILABLE as error:
            log.warning("events_unconfirmed", count=len(messages), error=type(error).__name__)
            # Reconnect before the unconfirmed messages are published again. On the old connection, their copies would
            # fill our memory: a broker that is short of memory may accept nothing for hours.
            give_up.set()
        if len(confirms) < len(messages):
            return [False] * len(messages)
        failures = [_failure_of(confirm) for confirm in confirms]
        _log([(message[0], failure) for message, failure in zip(messages, failures, strict=True) if failure])
        return [failure is None for failure in failures]


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Wait until one of these has ended; cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(*tasks)


async def _while_read(channel: Channel, work: Coroutine[Any, Any, object]) -> None:
    """Wait for work. Cancel it and raise BrokerBlocked if the broker has stopped reading from the channel."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait((task,), timeout=_LOOK_SECONDS))[0]:
            if is_blocked(channel.connection):
                raise BrokerBlocked
        task.result()
    finally:
        await cancel(task)


async def _send(
    channel: Channel,
    exchange: str,
    mandatory: Collection[str],
    messages: Sequence[Message],
    confirms: list[asyncio.Future[object]],
) -> None:
    """Write the frames of all messages and add each confirm's future to `confirms`. Raises errors in `UNAVAILABLE`."""
    frames: list[bytes] = []
    # The code below does for many messages what the channel's `basic_publish` does for one.
    async with channel.lock:
        for message in messages:
            confirm = channel.create_future()
            confirms.append(confirm)
            try:
                type, id, body = message
                head = _head_of(channel.number, exchange, type, mandatory=type in mandatory)
                frames.append(_frames_with(channel.number, head, id, body))
            except Exception as error:
                # The message cannot be encoded: fail it alone.
                confirm.set_exception(error)
                continue
            channel.delivery_tag += 1
            tag, key = channel.delivery_tag, str(id)
            channel.confirmations[tag] = confirm
            channel.message_id_delivery_tag[key] = tag
            confirm.add_done_callback(partial(_forget, channel.message_id_delivery_tag, key, tag))
        sent = channel.create_future()
        frame = ChannelFrame(payload=b"".join(frames), should_close=False, drain_future=sent)
        await channel.write_queue.put(frame)
        # Wait until the socket has accepted the frames: a broker that stops reading must not fill our memory.
        await sent


def _frames_with(channel: int, head: tuple[bytes, bytes, bytes], id: UUID, body: bytes) -> bytes:
    """Return all frames of a message."""
    before_size, between, after_id = head
    chunks = (ContentBody(body[at : at + _FRAME_BYTES]) for at in range(0, len(body), _FRAME_BYTES))
    bodies = (pamqp.frame.marshal(chunk, channel) for chunk in chunks)
    return b"".join((before_size, len(body).to_bytes(8), between, str(id).encode(), after_id, *bodies))


@lru_cache(500)
def _head_of(channel: int, exchange: str, type: str, *, mandatory: bool) -> tuple[bytes, bytes, bytes]:
    """Return the frames before a message's body in three parts: up to the body's size, up to the id, and the rest.

    Messages of a type differ only in size and id; encoding the rest for each message would be the slowest step.
    Raises ValueError when AMQP cannot carry the type.
    """
    properties = spec.Basic.Properties(
        message_id=_ANY_ID,
        message_type=type,
        content_type="application/protobuf",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    publish = spec.Basic.Publish(exchange=exchange, routing_key=type, mandatory=mandatory)
    header = pamqp.frame.marshal(ContentHeader(properties=properties), channel)
    from_size, (behind_size, after_id) = header[:_SIZE_AT], header[_SIZE_AT + 8 :].split(_ANY_ID.encode())
    return pamqp.frame.marshal(publish, channel) + from_size, behind_size, after_id


def _forget(tags: dict[str, int], id: str, tag: int, _: object) -> None:
    # A later attempt to publish the same message may have replaced the tag; then keep it.
    if tags.get(id) == tag:
        del tags[id]


def _failure_of(confirm: asyncio.Future[object]) -> BaseException | None:
    if not confirm.done() or confirm.cancelled():
        return TimeoutError()
    return confirm.exception()


def _log(failures: Sequence[tuple[str, BaseException]]) -> None:
    """Log one line for each kind of failure in a batch: ten thousand events without a queue are one problem."""
    kinds = {(event_type, type(error)): error for event_type, error in failures}
    counts = Counter((event_type, type(error)) for event_type, error in failures)
    for kind, error in kinds.items():
        if isinstance(error, PublishError):
            log.error("events_unroutable", type=kind[0], count=counts[kind])
        elif isinstance(error, DeliveryError):
            log.error("events_rejected", type=kind[0], count=counts[kind])
        elif not isinstance(error, UNAVAILABLE):
            log.error("events_unpublishable", type=kind[0], count=counts[kind], error=error)
