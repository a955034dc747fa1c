"""The publisher: sends events to the exchange, many at a time, and knows which of them arrived.

It speaks to aiormq, below aio-pika: in both a message costs a task, a timer, a lock and a system call of its own, which
is three times what it takes to write all frames of a batch at once.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import cast
from uuid import UUID

import aio_pika
import pamqp.frame
from aio_pika.exceptions import DeliveryError, PublishError
from aiormq import spec
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from chassis.events.broker import AWAY, CONFIRM_SECONDS, EXCHANGE, connect, declare_exchange, keep_trying
from chassis.telemetry import describe, log

_FRAME_BYTES = 64 * 1024
"""Half of what RabbitMQ takes in a frame."""

_AN_ID = str(UUID(int=0))
_SIZE_AT = 11
"""Where the body's size stands in the frame of a header: behind type, channel, length, class and weight."""

Message = tuple[str, UUID, bytes]
"""Type, id and body."""


class Publisher:
    """Publishes batches and says of each message whether the broker has it."""

    def __init__(self, url: str, exchange: str = EXCHANGE, *, mandatory: Collection[str] = ()) -> None:
        """Set up. `mandatory`: event types that fail unless a queue is bound for them; others are announcements."""
        self._url = url
        self._exchange = exchange
        self._mandatory = frozenset(mandatory)
        self._channel: Channel | None = None
        self._connected = asyncio.Event()
        self._give_up = asyncio.Event()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        await keep_trying("publishing", self._session)

    async def _session(self) -> None:
        async with connect(self._url) as (connection, lost):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel.close_callbacks.add(lambda *_: lost.set())
            await declare_exchange(channel, self._exchange)
            self._channel = cast(Channel, await channel.get_underlay_channel())
            self._give_up = lost
            self._connected.set()
            try:
                await lost.wait()
            finally:
                self._channel = None
                self._connected.clear()

    async def connected(self) -> None:
        """Wait for a connection."""
        await self._connected.wait()

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publish messages; return for each whether it is durable with the broker."""
        channel, give_up = self._channel, self._give_up
        if channel is None or not messages:
            return [False] * len(messages)
        confirms: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await _send(channel, self._exchange, self._mandatory, messages, confirms)
                await asyncio.wait(confirms)
        except AWAY as error:
            log.warning("events_unconfirmed", count=len(messages), error=type(error).__name__)
            # What is not confirmed by now is published again, over another connection: on this one the copies of a
            # broker that takes nothing for an hour, as one without memory does, would pile up here.
            give_up.set()
        if len(confirms) < len(messages):
            return [False] * len(messages)
        failures = [_failure_of(confirm) for confirm in confirms]
        _log([(message[0], failure) for message, failure in zip(messages, failures, strict=True) if failure])
        return [failure is None for failure in failures]


async def _send(
    channel: Channel,
    exchange: str,
    mandatory: Collection[str],
    messages: Sequence[Message],
    confirms: list[asyncio.Future[object]],
) -> None:
    """Write messages at once, and note what becomes of each, in its order. Raises what is in `AWAY`."""
    written: list[bytes] = []
    # What follows is what the channel's `basic_publish` does for one message.
    async with channel.lock:
        for message in messages:
            confirm = channel.create_future()
            confirms.append(confirm)
            try:
                type, id, body = message
                head = _frames_of(channel.number, exchange, type, mandatory=type in mandatory)
                written.append(_write(channel.number, head, id, body))
            except Exception as error:
                # It is no message, and the others are none the worse for it.
                confirm.set_exception(error)
                continue
            channel.delivery_tag += 1
            tag, key = channel.delivery_tag, str(id)
            channel.confirmations[tag] = confirm
            channel.message_id_delivery_tag[key] = tag
            confirm.add_done_callback(partial(_forget, channel.message_id_delivery_tag, key, tag))
        sent = channel.create_future()
        frame = ChannelFrame(payload=b"".join(written), should_close=False, drain_future=sent)
        await channel.write_queue.put(frame)
        # Until the socket has taken them: a broker that takes no more must not fill our memory.
        await sent


def _write(channel: int, head: tuple[bytes, bytes, bytes], id: UUID, body: bytes) -> bytes:
    """Return a message as frames."""
    before_size, between, after_id = head
    bodies = (ContentBody(body[at : at + _FRAME_BYTES]) for at in range(0, len(body), _FRAME_BYTES))
    written = (pamqp.frame.marshal(frame, channel) for frame in bodies)
    return b"".join((before_size, len(body).to_bytes(8), between, str(id).encode(), after_id, *written))


@lru_cache(500)
def _frames_of(channel: int, exchange: str, type: str, *, mandatory: bool) -> tuple[bytes, bytes, bytes]:
    """Return the frames before a message's body, cut at its size and its id: before, between and after them.

    Messages of a type differ only in size and id, and encoding the rest anew would take most of the time.
    Raises ValueError when AMQP cannot carry the type.
    """
    properties = spec.Basic.Properties(
        message_id=_AN_ID,
        message_type=type,
        content_type="application/protobuf",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    publish = spec.Basic.Publish(exchange=exchange, routing_key=type, mandatory=mandatory)
    header = pamqp.frame.marshal(ContentHeader(properties=properties), channel)
    from_size, (behind_size, after_id) = header[:_SIZE_AT], header[_SIZE_AT + 8 :].split(_AN_ID.encode())
    return pamqp.frame.marshal(publish, channel) + from_size, behind_size, after_id


def _forget(tags: dict[str, int], id: str, tag: int, _: object) -> None:
    # Not that of a later attempt with the same message.
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
            log.error("events_refused", type=kind[0], count=counts[kind])
        elif not isinstance(error, AWAY):
            log.error("events_unpublishable", type=kind[0], count=counts[kind], **describe(error))
