"""Consumers: each event takes effect once. A failed event is retried later, alone, and then becomes a dead letter."""

import asyncio
import itertools
from uuid import UUID

from prometheus_client import REGISTRY

from chassis.errors import ServiceUnavailable
from chassis.events import dead_letters
from chassis.events.broker import DELIVERY_LIMIT
from chassis.storage.database import Connection
from fairdb.events.v1.event_pb2 import Event
from tests.integration.messaging.conftest import DELAYS, INDEXED, LONG, Bench, holds, publish
from tests.waiting import eventually


def repetitions() -> float:
    """Return how many repeated deliveries the consumers of this process have skipped."""
    labels = {"type": INDEXED, "outcome": "repeated"}
    return REGISTRY.get_sample_value("events_processed_total", labels) or 0.0


async def test_every_event_reaches_every_consumer_once(bench: Bench) -> None:
    other: list[str] = []

    async def see_too(connection: Connection, event: Event) -> None:
        other.append(event.id)

    await bench.start_consumer("test.a")
    await bench.start_consumer("test.b", see_too)
    bench.start_relay()
    events = await bench.record(count=50)

    await bench.sees(*events)
    await eventually(holds(lambda: sorted(other) == sorted(event.id for event in events)))
    await bench.published()


async def test_event_delivered_twice_takes_effect_once(bench: Bench) -> None:
    await bench.start_consumer("test.a")
    (event,) = await bench.record()
    bench.start_relay()
    await bench.sees(event)

    await publish(bench.url, event.SerializeToString())
    (later,) = await bench.record()

    await bench.sees(event, later)


async def test_failed_handler_leaves_neither_effect_nor_inbox_row(bench: Bench) -> None:
    failures = 2

    async def fail_twice(connection: Connection, event: Event) -> None:
        nonlocal failures
        await connection.execute("INSERT INTO inbox (consumer, event_id) VALUES ('effect', $1)", UUID(event.id))
        if failures:
            failures -= 1
            raise RuntimeError("not yet")
        bench.seen.append(event.id)

    await bench.start_consumer("test.a", fail_twice)
    bench.start_relay()
    (event,) = await bench.record()

    await bench.sees(event)
    await eventually(lambda: bench.database.fetchval("SELECT count(*) = 2 FROM inbox"))


async def test_failed_event_is_retried_later_each_time_and_others_overtake_it(bench: Bench) -> None:
    tried: list[float] = []
    other: list[str] = []

    async def choke(connection: Connection, event: Event) -> None:
        if event.sequence == 1:
            tried.append(asyncio.get_running_loop().time())
            raise RuntimeError("poison")
        bench.seen.append(event.id)

    async def see_too(connection: Connection, event: Event) -> None:
        other.append(event.id)

    await bench.start_consumer("test.a", choke)
    await bench.start_consumer("test.b", see_too)
    repeated = repetitions()
    bench.start_relay()
    poison, *events = await bench.record(count=100)

    await bench.dead("test.a", 1)
    await bench.sees(*events)
    # Compare only the longest pauses. The short ones are within an attempt, when the consumer tries smaller batches to
    # find the failing event.
    rests = sorted((after - before for before, after in itertools.pairwise(tried)), reverse=True)[: len(DELAYS)]
    assert all(rest >= delay for rest, delay in zip(rests, sorted(DELAYS, reverse=True), strict=True)), rests
    # The event's other consumer received it only once.
    assert sorted(other) == sorted(event.id for event in [poison, *events])
    assert repetitions() == repeated
    (letter,) = await dead_letters.show(bench.url, "test.a")
    assert (letter.id, letter.attempts, letter.error) == (poison.id, len(DELAYS) + 1, "RuntimeError")


async def test_more_failing_events_than_a_consumer_holds_do_not_block_others(bench: Bench) -> None:
    async def choke(connection: Connection, event: Event) -> None:
        if event.sequence <= 100:
            raise RuntimeError("poison")
        bench.seen.append(event.id)

    await bench.start_consumer("test.a", choke, delays=(LONG,))
    bench.start_relay()
    events = await bench.record(count=101)

    await bench.sees(events[-1], within=10)


async def test_message_that_is_not_an_event_becomes_a_dead_letter_at_once(bench: Bench) -> None:
    await bench.start_consumer("test.a", delays=(LONG,))
    await publish(bench.url, b"\xff not an event")
    await publish(bench.url, Event(id="not an id", type=INDEXED).SerializeToString())

    await bench.dead("test.a", 2)

    letters = await dead_letters.show(bench.url, "test.a")
    assert [(letter.attempts, letter.error) for letter in letters] == [(1, "DecodeError"), (1, "ValueError")]


async def test_waiting_for_a_dependency_is_not_an_attempt(bench: Bench) -> None:
    calls = 0

    async def depend(connection: Connection, event: Event) -> None:
        nonlocal calls
        calls += 1
        if calls <= 2 * len(DELAYS):
            raise ServiceUnavailable(service="other")
        if calls <= 3 * len(DELAYS):
            raise RuntimeError("now a failure")
        bench.seen.append(event.id)

    await bench.start_consumer("test.a", depend, hold=-1.0)
    bench.start_relay()
    (event,) = await bench.record()

    await bench.sees(event)


async def test_message_that_kills_its_consumer_becomes_a_dead_letter(bench: Bench) -> None:
    received: asyncio.Queue[str] = asyncio.Queue()

    async def hang(connection: Connection, event: Event) -> None:
        received.put_nowait(event.id)
        await asyncio.Event().wait()

    consumer = await bench.start_consumer("test.a", hang)
    bench.start_relay()
    (event,) = await bench.record()
    for _ in range(DELIVERY_LIMIT):
        await asyncio.wait_for(received.get(), 30)
        consumer.cancel()
        await asyncio.wait([consumer])
        consumer = await bench.start_consumer("test.a", hang)
    await asyncio.wait_for(received.get(), 30)
    consumer.cancel()

    await bench.dead("test.a", 1)

    (letter,) = await dead_letters.show(bench.url, "test.a")
    assert (letter.id, letter.attempts, letter.error) == (event.id, DELIVERY_LIMIT + 1, dead_letters.KILLED)
