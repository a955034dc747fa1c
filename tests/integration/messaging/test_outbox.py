"""The outbox and its relay: events are published at least once and soon. An unpublishable event blocks no other."""

import pytest
from prometheus_client import REGISTRY

from chassis.events import outbox
from chassis.events.outbox import Relay
from chassis.events.publisher import Publisher
from tests.integration.messaging.conftest import ANONYMIZED, INDEXED, SUBJECT, Bench, holds
from tests.waiting import eventually


class CountingPublisher(Publisher):
    """Counts how often the relay polls."""

    polls = 0

    async def connected(self) -> None:
        await super().connected()
        self.polls += 1


async def test_mandatory_event_without_a_queue_waits_in_the_outbox(bench: Bench) -> None:
    bench.start_relay()
    (event,) = await bench.record()
    await bench.record("consent.granted")

    async def only_the_mandatory_one_waits() -> bool:
        rows = await bench.database.fetch("SELECT id FROM outbox")
        return [str(row["id"]) for row in rows] == [event.id]

    await eventually(only_the_mandatory_one_waits)
    await bench.start_consumer("test.a")
    await bench.sees(event)


async def test_two_relays_publish_each_event_once(bench: Bench) -> None:
    await bench.start_consumer("test.a")
    for _ in range(2):
        bench.start_relay()
    events = await bench.record(count=300)

    await bench.sees(*events)

    await bench.published()


async def test_events_that_cannot_be_published_do_not_block_others(bench: Bench) -> None:
    await bench.start_consumer("test.a", types=(ANONYMIZED,))
    no_queue = await bench.record(INDEXED, count=1100)
    no_routing_key = await bench.record("x" * 300, count=2)
    (event,) = await bench.record(ANONYMIZED)
    bench.start_relay()

    await bench.sees(event, within=10)

    async def only_the_others_wait() -> bool:
        return await bench.pending() == len(no_queue) + len(no_routing_key)

    await eventually(only_the_others_wait)


async def test_recording_wakes_the_relay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_POLL_SECONDS", 600.0)
    await bench.start_consumer("test.a")
    publisher = bench.start_relay(CountingPublisher)
    assert isinstance(publisher, CountingPublisher)
    # After this many polls without an event, the relay pauses for more than two seconds at a time.
    await eventually(holds(lambda: publisher.polls >= 11))
    (first,) = await bench.record()
    await bench.sees(first, within=2.0)

    # Commit late: the relay was woken by the record, but its first polls do not see the event yet.
    second = outbox.new_event(INDEXED, SUBJECT)
    async with bench.database.transaction() as connection:
        before = publisher.polls
        await outbox.record(connection, [second])
        await eventually(holds(lambda: publisher.polls > before + 2))
    await bench.sees(first, second)


async def test_gauge_grows_while_the_broker_is_unavailable(bench: Bench) -> None:
    publisher = Publisher("amqp://127.0.0.1:1/")
    bench.start(publisher.run())
    bench.start(Relay(bench.database, publisher).run())
    await bench.record(count=3)

    await eventually(holds(lambda: REGISTRY.get_sample_value("outbox_pending") == 3))


async def test_events_that_wait_for_an_unreachable_broker_are_reported(bench: Bench) -> None:
    reports: list[str] = []
    publisher = Publisher("amqp://127.0.0.1:1/")
    bench.start(publisher.run())
    bench.start(Relay(bench.database, publisher, reports.append).run())
    await bench.record()

    async def is_reported() -> bool:
        return "outbox: the broker cannot be reached" in reports

    await eventually(is_reported)
