"""A broker that is short of disk space or memory, hangs, or has lost its queues' processes: events wait for it."""

import asyncio
import signal

import pytest

from chassis.events import broker, publisher
from chassis.events.publisher import BrokerBlocked, Publisher
from chassis.storage.database import Connection
from deploy.local.constellation import Constellation
from fairdb.events.v1.event_pb2 import Event
from tests.integration.messaging.conftest import DELAYS, QUEUES, Bench, holds, queue_length
from tests.rabbitmqctl import clear_alarm, evaluate, set_alarm
from tests.waiting import eventually

QUEUE = QUEUES[0]
MANY = 250
"""More messages than a consumer receives before it acknowledges some."""


async def is_blocked(publisher: Publisher) -> bool:
    try:
        return not await publisher.check()
    except BrokerBlocked:
        return True


async def accepts(publisher: Publisher) -> bool:
    try:
        return bool(await publisher.check())
    except (BrokerBlocked, ConnectionError):
        return False


@pytest.mark.parametrize("resource", ["disk", "memory"])
async def test_events_wait_for_a_broker_that_is_short(bench: Bench, rabbitmq: Constellation, resource: str) -> None:
    relay = bench.start_relay()
    await bench.start_consumer(QUEUE)
    await set_alarm(rabbitmq, resource)
    try:
        events = await bench.record(count=MANY)
        await eventually(lambda: is_blocked(relay))
        assert await bench.pending() == MANY
        events += await bench.record(count=10)
    finally:
        await clear_alarm(rabbitmq, resource)
    await eventually(lambda: accepts(relay))
    await bench.sees(*events)
    await bench.published()


async def test_consumers_go_on_while_the_broker_accepts_nothing(bench: Bench, rabbitmq: Constellation) -> None:
    """The consumer also has a message to move, which the broker does not accept: other messages overtake it."""
    may_handle = asyncio.Event()
    bad: set[str] = set()

    async def handle(connection: Connection, event: Event) -> None:
        await may_handle.wait()
        if event.id in bad:
            raise ValueError
        await bench.see(connection, event)

    relay = bench.start_relay()
    await bench.start_consumer(QUEUE, handle)
    events = await bench.record(count=MANY)
    failing = await bench.record()
    bad |= {event.id for event in failing}
    await bench.published()
    await set_alarm(rabbitmq, "disk")
    try:
        await bench.record("another")
        await eventually(lambda: is_blocked(relay))
        may_handle.set()
        await bench.sees(*events)
        bad.clear()
    finally:
        await clear_alarm(rabbitmq, "disk")
    # Its move may have been repeated, but it takes effect once.
    await bench.sees(*events, *failing)


async def test_events_wait_for_a_broker_that_hangs(
    bench: Bench, rabbitmq: Constellation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "CONFIRM_SECONDS", 0.5)
    monkeypatch.setattr(broker, "CONNECT_SECONDS", 0.5)
    relay = bench.start_relay()
    await bench.start_consumer(QUEUE)
    await eventually(lambda: accepts(relay))
    rabbitmq.send("rabbitmq", signal.SIGSTOP)
    try:
        events = await bench.record(count=20)
        await eventually(holds(lambda: not relay._connected.is_set()))
        assert await bench.pending() == 20
    finally:
        rabbitmq.send("rabbitmq", signal.SIGCONT)
    await bench.sees(*events)
    await bench.published()


async def test_broker_starts_its_queues_again_after_they_gave_up(bench: Bench, rabbitmq: Constellation) -> None:
    """On a full disk, the broker's `ra` ends for good. Nobody has to start the broker again."""
    bench.start_relay()
    await bench.start_consumer(QUEUE)
    events = await bench.record(count=20)
    await bench.sees(*events)
    pid = rabbitmq.pid("rabbitmq")
    await evaluate(rabbitmq, "application:stop(ra).")
    events += await bench.record(count=20)
    await bench.sees(*events)
    await bench.published()
    assert (rabbitmq.pid("rabbitmq"), await queue_length(bench.url, broker.retry_name(QUEUE, DELAYS[0]))) == (pid, 0)
