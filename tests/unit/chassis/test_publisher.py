"""The publisher and a broker's confirms. A fake broker sends them, because no real broker sends them on demand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pamqp.frame
import pytest
from pamqp import commands as spec
from pamqp.body import ContentBody
from pamqp.common import FieldTable
from pamqp.header import ContentHeader

from chassis.events import publisher
from chassis.events.publisher import Message, Publisher
from tests.waiting import eventually

_ANSWERS: dict[type, object] = {
    spec.Connection.StartOk: spec.Connection.Tune(2047, 131072, 60),
    spec.Connection.Open: spec.Connection.OpenOk(),
    spec.Connection.Close: spec.Connection.CloseOk(),
    spec.Channel.Open: spec.Channel.OpenOk(),
    spec.Channel.Close: spec.Channel.CloseOk(),
    spec.Confirm.Select: spec.Confirm.SelectOk(),
    spec.Exchange.Declare: spec.Exchange.DeclareOk(),
}


@dataclass
class Peer:
    """One connection to the fake broker. `answer` decides how it answers messages."""

    writer: asyncio.StreamWriter
    answer: Callable[["Peer"], Awaitable[None]]
    headers: list[ContentHeader] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def send(self, frame: object, channel: int = 1) -> None:
        self.writer.write(pamqp.frame.marshal(frame, channel))  # pyright: ignore[reportArgumentType]

    def give_back(self, number: int) -> None:
        """Return a message to its sender, as if no queue had received it. The first message has the number 1."""
        self.send(spec.Basic.Return(312, "NO_ROUTE", "fairdb.events", "x"))
        self.send(self.headers[number - 1])
        self.send(ContentBody(self.bodies[number - 1]))

    def whole(self, count: int) -> bool:
        """Return whether exactly `count` messages have arrived completely."""
        sizes = [header.body_size for header in self.headers]
        return sizes == [len(body) for body in self.bodies] and len(sizes) == count

    async def serve(self, reader: asyncio.StreamReader) -> None:
        await reader.readexactly(8)
        properties: FieldTable = {"capabilities": {"publisher_confirms": True, "basic.nack": True}}
        self.send(spec.Connection.Start(0, 9, properties, "PLAIN", "en_US"), 0)
        waiting = b""
        while data := await reader.read(1 << 16):
            waiting += data
            while len(waiting) >= 7 and len(waiting) >= 8 + int.from_bytes(waiting[3:7]):
                length, channel, frame = pamqp.frame.unmarshal(waiting)
                waiting = waiting[length:]
                self.take(channel, frame)
            await self.answer(self)

    def take(self, channel: int, frame: object) -> None:
        if type(frame) in _ANSWERS:
            self.send(_ANSWERS[type(frame)], channel)
        elif isinstance(frame, ContentHeader):
            self.headers.append(frame)
            self.bodies.append(b"")
        elif isinstance(frame, ContentBody):
            self.bodies[-1] += frame.value


@asynccontextmanager
async def publishing(answer: Callable[[Peer], Awaitable[None]]) -> AsyncIterator[Publisher]:
    """Connect a publisher to a scripted broker."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Peer(writer, answer).serve(reader)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{port}/")
    running = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(10):
            await publisher.connected()
            yield publisher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()


def batch(count: int, body: bytes = b"event") -> list[Message]:
    return [("sample.anonymized", UUID(int=number), body) for number in range(1, count + 1)]


async def test_each_message_has_its_own_confirm() -> None:
    async def answer(peer: Peer) -> None:
        if peer.whole(6):
            peer.give_back(2)
            peer.give_back(5)
            peer.send(spec.Basic.Nack(delivery_tag=3))
            peer.send(spec.Basic.Ack(delivery_tag=5, multiple=True))
            peer.send(spec.Basic.Ack(delivery_tag=6))

    async with publishing(answer) as publisher:
        assert await publisher.publish(batch(6)) == [True, False, False, True, False, True]


async def test_message_that_amqp_cannot_carry_fails_alone() -> None:
    async def answer(peer: Peer) -> None:
        if peer.whole(2):
            peer.send(spec.Basic.Ack(delivery_tag=2, multiple=True))

    async with publishing(answer) as publisher:
        first, last = batch(2)
        assert await publisher.publish([first, ("t" * 300, uuid4(), b""), last]) == [True, False, True]


async def test_large_event_arrives_whole() -> None:
    came: list[bytes] = []
    properties: list[spec.Basic.Properties] = []

    async def answer(peer: Peer) -> None:
        if peer.whole(2):
            came.extend(peer.bodies)
            properties.extend(header.properties for header in peer.headers)
            peer.send(spec.Basic.Ack(delivery_tag=2, multiple=True))

    async with publishing(answer) as publisher:
        large, id = bytes(range(256)) * 1000, uuid4()
        assert await publisher.publish([*batch(1), ("sample.created", id, large)]) == [True, True]
        assert came == [b"event", large]
        received = [(found.message_id, found.message_type, found.delivery_mode) for found in properties]
        assert received == [(str(UUID(int=1)), "sample.anonymized", 2), (str(id), "sample.created", 2)]


async def test_confirms_before_a_lost_connection_count() -> None:
    async def answer(peer: Peer) -> None:
        if peer.whole(3):
            peer.send(spec.Basic.Ack(delivery_tag=1))
            await peer.writer.drain()
            peer.writer.close()

    async with publishing(answer) as publisher:
        assert await publisher.publish(batch(3)) == [True, False, False]


async def test_broker_that_confirms_nothing_is_reconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "CONFIRM_SECONDS", 0.2)
    seen: list[Peer] = []

    async def answer(peer: Peer) -> None:
        if peer.whole(1) and peer not in seen:
            seen.append(peer)
            if len(seen) > 1:
                peer.send(spec.Basic.Ack(delivery_tag=1))

    async with publishing(answer) as it:
        assert await it.publish(batch(1)) == [False]
        # The fake broker confirms only if it receives exactly one message, so the first message must not be sent again.

        async def confirmed() -> bool:
            return await it.publish(batch(1)) == [True]

        await eventually(confirmed)
        assert len(seen) == 2
