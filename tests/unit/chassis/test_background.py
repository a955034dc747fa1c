"""Background work: it is started again after it failed, and its errors are logged."""

import asyncio
from typing import Any, cast

import pytest

from chassis import backoff
from chassis.events.outbox import Relay, start_publishing
from chassis.events.publisher import Publisher
from chassis.serving.server import _keep_running
from chassis.storage.database import Database


async def test_failing_work_is_started_again_within_two_seconds_and_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    starts = 0

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts <= 6:
            raise ValueError

    monkeypatch.setattr(backoff, "jitter", lambda seconds: seconds * 1.25)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await _keep_running(work)
    assert starts == 7
    # A saga's lease lasts six seconds. The task that renews it must be running again well before that.
    assert max(slept) <= 2.5


async def test_failing_connection_to_the_broker_does_not_stop_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[Publisher] = []
    relays: list[str] = []
    reconnected = asyncio.Event()

    async def connect(publisher: Publisher) -> None:
        connections.append(publisher)
        if len(connections) == 1:
            raise ValueError
        reconnected.set()

    async def relay(_: Relay) -> None:
        relays.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            relays.append("stopped")

    monkeypatch.setattr(backoff, "jitter", lambda _: 0.0)
    monkeypatch.setattr(Publisher, "run", connect)
    monkeypatch.setattr(Relay, "run", relay)
    tasks: list[asyncio.Task[None]] = []
    no_database: Any = None
    start_publishing(
        lambda work: tasks.append(asyncio.create_task(_keep_running(work))), cast(Database, no_database), "amqp://"
    )
    async with asyncio.timeout(30):
        await reconnected.wait()
    assert relays == ["started"]
    assert connections[0] is connections[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
