"""Outbox, broker and inbox together: at least once on the way, once in effect, and nothing lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aio_pika
import pytest
import pytest_asyncio
from aiormq.exceptions import ChannelNotFoundEntity

from chassis import broker, outbox
from chassis.broker import Publisher
from chassis.database import MIGRATIONS, Connection, Database, open_database
from chassis.inbox import Consumer, Handler, Subscription
from chassis.outbox import Relay
from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from fairdb.events.v1.event_pb2 import Event
from tests.integration.conftest import NewDatabase
from tests.waiting import eventually

SUBJECT = "0192f0c4-0000-7000-8000-000000000001"
INDEXED = "sample.indexed"


@pytest_asyncio.fixture(scope="module")
async def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    async with Constellation(tmp_path_factory.mktemp("rabbitmq"), Ports.free(), parts=["rabbitmq"]) as running:
        yield running


@dataclass
class Bench:
    """A database with an outbox, and work beside it."""

    database: Database
    url: str
    seen: list[str] = field(default_factory=list[str])
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    def start_relay(self) -> None:
        publisher = Publisher(self.url)
        self.start(publisher.run())
        self.start(Relay(self.database, publisher).run())

    def start_consumer(self, queue: str, handler: Handler, types: tuple[str, ...] = (INDEXED,)) -> None:
        self.start(Consumer("tests", self.url, self.database, Subscription(queue, types, handler)).run())

    async def record(self, type: str = INDEXED, count: int = 1) -> list[Event]:
        events = [outbox.new_event(type, SUBJECT, number) for number in range(1, count + 1)]
        async with self.database.transaction() as connection:
            await outbox.record(connection, events)
        return events

    async def see(self, connection: Connection, event: Event) -> None:
        self.seen.append(event.id)

    async def pending(self) -> int:
        return await self.database.fetchval("SELECT count(*) FROM outbox")


@pytest_asyncio.fixture
async def bench(rabbitmq: Constellation, new_database: NewDatabase) -> AsyncIterator[Bench]:
    async with open_database(await new_database("privacy_svc"), [MIGRATIONS]) as database:
        await database.migrated()
        bench = Bench(database, rabbitmq.plan.urls.broker)
        yield bench
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)
    async with channel_to(bench.url) as channel:
        for queue in ("test.a", "test.b"):
            await channel.queue_delete(queue)
            await channel.queue_delete(f"{queue}.dead")


@asynccontextmanager
async def channel_to(url: str) -> AsyncIterator[Any]:
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


def holds(look: Callable[[], bool]) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def answer() -> bool:
        return look()

    return answer


def saved_at(rabbitmq: Constellation) -> float:
    """Return when the broker last saved which quorum queues it has, in Unix time."""
    (directory,) = rabbitmq.layout.root.rglob("quorum/*/names.dets")
    return directory.stat().st_mtime


async def exists(url: str, name: str) -> bool:
    try:
        async with channel_to(url) as channel:
            queue = await channel.declare_queue(name, passive=True)
            return queue.declaration_result.consumer_count == 1
    except ChannelNotFoundEntity:
        return False


async def queue_length(url: str, name: str) -> int:
    async with channel_to(url) as channel:
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0


async def test_every_event_reaches_every_consumer_once(bench: Bench) -> None:
    other: list[str] = []

    async def see_too(connection: Connection, event: Event) -> None:
        other.append(event.id)

    bench.start_consumer("test.a", bench.see)
    bench.start_consumer("test.b", see_too)
    # A queue receives what is published once it is bound.
    await eventually(lambda: exists(bench.url, "test.a"))
    await eventually(lambda: exists(bench.url, "test.b"))
    bench.start_relay()
    events = await bench.record(count=50)

    await eventually(holds(lambda: len(bench.seen) >= 50 and len(other) >= 50))

    assert sorted(bench.seen) == sorted(other) == sorted(event.id for event in events)
    assert await bench.pending() == 0


async def test_an_event_delivered_twice_takes_effect_once(bench: Bench) -> None:
    bench.start_consumer("test.a", bench.see)
    (event,) = await bench.record()
    bench.start_relay()
    await eventually(holds(lambda: bench.seen == [event.id]))

    async with channel_to(bench.url) as channel:
        exchange = await channel.get_exchange(broker.EXCHANGE)
        await exchange.publish(aio_pika.Message(event.SerializeToString()), INDEXED)
    (later,) = await bench.record()
    await eventually(holds(lambda: later.id in bench.seen))

    assert bench.seen == [event.id, later.id]


async def test_a_handlers_failure_leaves_neither_effect_nor_inbox_row(bench: Bench) -> None:
    failures = 2

    async def fail_twice(connection: Connection, event: Event) -> None:
        nonlocal failures
        await connection.execute("INSERT INTO inbox (consumer, event_id) VALUES ('effect', $1)", UUID(event.id))
        if failures:
            failures -= 1
            raise RuntimeError("not yet")
        bench.seen.append(event.id)

    bench.start_consumer("test.a", fail_twice)
    bench.start_relay()
    (event,) = await bench.record()

    await eventually(holds(lambda: bench.seen == [event.id]))
    await eventually(lambda: bench.database.fetchval("SELECT count(*) = 2 FROM inbox"))


async def test_poison_goes_to_the_dead_letters_and_others_pass(bench: Bench) -> None:
    events = [outbox.new_event(INDEXED, SUBJECT, number) for number in (1, 2)]

    async def choke(connection: Connection, event: Event) -> None:
        if event.id == events[0].id:
            raise RuntimeError("poison")
        bench.seen.append(event.id)

    bench.start_consumer("test.a", choke)
    bench.start_relay()
    async with bench.database.transaction() as connection:
        await outbox.record(connection, events)

    await eventually(holds(lambda: bench.seen == [events[1].id]))

    async def dead() -> bool:
        return await queue_length(bench.url, "test.a.dead") == 1

    await eventually(dead, within=60)


async def test_what_is_no_event_goes_to_the_dead_letters(bench: Bench) -> None:
    bench.start_consumer("test.a", bench.see)
    bench.start_relay()
    await bench.record()
    await eventually(holds(lambda: len(bench.seen) == 1))
    async with channel_to(bench.url) as channel:
        exchange = await channel.get_exchange(broker.EXCHANGE)
        await exchange.publish(aio_pika.Message(b"\xff not an event"), INDEXED)

    async def dead() -> bool:
        return await queue_length(bench.url, "test.a.dead") == 1

    await eventually(dead, within=60)


async def test_a_needed_event_without_a_queue_waits_in_the_outbox(bench: Bench) -> None:
    bench.start_relay()
    (event,) = await bench.record()
    await bench.record("consent.granted")

    async def only_the_needed_one_waits() -> bool:
        rows = await bench.database.fetch("SELECT id FROM outbox")
        return [str(row["id"]) for row in rows] == [event.id]

    await eventually(only_the_needed_one_waits)
    bench.start_consumer("test.a", bench.see)
    await eventually(holds(lambda: bench.seen == [event.id]))


async def test_two_relays_publish_each_event_once(bench: Bench) -> None:
    bench.start_consumer("test.a", bench.see)
    for _ in range(2):
        bench.start_relay()
    events = await bench.record(count=300)

    await eventually(holds(lambda: len(bench.seen) >= 300))

    assert sorted(bench.seen) == sorted(event.id for event in events)
    assert await bench.pending() == 0


async def test_nothing_is_lost_while_the_broker_is_killed(bench: Bench, rabbitmq: Constellation) -> None:
    started = time.time()
    bench.start_consumer("test.a", bench.see)
    bench.start_relay()
    first = await bench.record()
    await eventually(holds(lambda: len(bench.seen) == 1))
    # The broker saves its directory of quorum queues half a second after making one; killed before, it loses the queue.
    await eventually(holds(lambda: started < saved_at(rabbitmq) < time.time() - 1.0))
    await rabbitmq.kill("rabbitmq")
    events = await bench.record(count=20)
    assert await bench.pending() == 20
    await rabbitmq.start("rabbitmq")

    await eventually(holds(lambda: len(bench.seen) >= 21), within=60)

    assert sorted(bench.seen) == sorted(event.id for event in [*first, *events])
