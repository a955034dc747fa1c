"""A real RabbitMQ for the tests of this folder, and a `Bench`: a database with an outbox, relays and consumers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aio_pika
import pytest
import pytest_asyncio
from aiormq.exceptions import ChannelNotFoundEntity

from chassis.events import broker, outbox
from chassis.events.inbox import Consumer, Handler, Subscription
from chassis.events.outbox import Relay
from chassis.events.publisher import Publisher
from chassis.storage.database import MIGRATIONS, Connection, Database, open_database
from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from fairdb.events.v1.event_pb2 import Event
from tests.integration.conftest import NewDatabase
from tests.waiting import eventually

SUBJECT = "0192f0c4-0000-7000-8000-000000000001"
ANONYMIZED, INDEXED = "sample.anonymized", "sample.indexed"
DELAYS = (0.05, 0.1, 0.15)
LONG = 600.0
"""A delay longer than any test: a message that is delayed so long does not return during the test."""
QUEUES = ("test.a", "test.b")
HandleOne = Callable[[Connection, Event], Awaitable[None]]


@pytest_asyncio.fixture(scope="package")
async def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    async with Constellation(tmp_path_factory.mktemp("rabbitmq"), Ports.free(), components=["rabbitmq"]) as running:
        yield running


@dataclass
class Bench:
    """A database with an outbox, and background tasks."""

    database: Database
    database_url: str
    url: str
    seen: list[str] = field(default_factory=list[str])
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    def start_relay(self, kind: type[Publisher] = Publisher) -> Publisher:
        publisher = kind(self.url, mandatory=(ANONYMIZED, INDEXED))
        self.start(publisher.run())
        self.start(Relay(self.database, publisher).run())
        return publisher

    async def start_consumer(
        self,
        queue: str,
        handler: HandleOne | None = None,
        types: tuple[str, ...] = (INDEXED,),
        **options: Any,
    ) -> asyncio.Task[None]:
        """Start a consumer and wait until it consumes. Its queue receives no events before that."""
        subscription = Subscription(queue, types, self.each(handler or self.see))
        consumer = Consumer("tests", self.url, self.database, subscription, **{"delays": DELAYS, **options})
        task = self.start(consumer.run())
        await eventually(lambda: consumed(self.url, queue))
        return task

    async def record(self, type: str = INDEXED, count: int = 1) -> list[Event]:
        events = [outbox.new_event(type, SUBJECT, number) for number in range(1, count + 1)]
        async with self.database.transaction() as connection:
            await outbox.record(connection, events)
        return events

    async def see(self, connection: Connection, event: Event) -> None:
        self.seen.append(event.id)

    def each(self, handle: HandleOne) -> Handler:
        """Return a handler that handles events one by one. Events of a failed transaction do not count as seen."""

        async def handle_all(connection: Connection, events: Sequence[Event]) -> None:
            before = len(self.seen)
            try:
                for event in events:
                    await handle(connection, event)
            except BaseException:
                del self.seen[before:]
                raise

        return handle_all

    async def sees(self, *events: Event, within: float = 30.0) -> None:
        """Wait until these events have been seen. Fails if an event was seen twice, or if others were seen."""
        await eventually(holds(lambda: len(self.seen) >= len(events)), within=within)
        assert sorted(self.seen) == sorted(event.id for event in events)

    async def pending(self) -> int:
        return await self.database.fetchval("SELECT count(*) FROM outbox")

    async def published(self) -> None:
        """Wait until the outbox is empty. A consumer may see an event before the relay commits its deletion."""

        async def empty() -> bool:
            return await self.pending() == 0

        await eventually(empty)

    async def dead(self, queue: str, count: int) -> None:
        """Wait until a queue has `count` dead letters."""

        async def are_dead() -> bool:
            return await queue_length(self.url, broker.dead_name(queue)) == count

        await eventually(are_dead)


@pytest_asyncio.fixture
async def bench(rabbitmq: Constellation, new_database: NewDatabase) -> AsyncIterator[Bench]:
    url = await new_database("privacy_svc")
    async with open_database(url, [MIGRATIONS]) as database:
        await database.migrated()
        bench = Bench(database, url, rabbitmq.plan.broker_admin_url)
        yield bench
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)
    async with channel_to(bench.url) as channel:
        for queue in QUEUES:
            for name in (
                queue,
                broker.dead_name(queue),
                *(broker.retry_name(queue, delay) for delay in (*DELAYS, LONG)),
            ):
                await channel.queue_delete(name)
        await channel.queue_delete(broker.DIRECTORY)


@asynccontextmanager
async def channel_to(url: str) -> AsyncIterator[Any]:
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


async def publish(url: str, body: bytes, type: str = INDEXED) -> None:
    """Publish a message directly, without the outbox."""
    async with channel_to(url) as channel:
        exchange = await channel.get_exchange(broker.EXCHANGE)
        await exchange.publish(aio_pika.Message(body), type)


async def consumed(url: str, name: str) -> bool:
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


def holds(look: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return look()

    return answer
