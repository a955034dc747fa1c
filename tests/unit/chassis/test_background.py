"""Background work: it is started again whatever it raises, and its failures are counted and named."""

import asyncio
from contextlib import AsyncExitStack
from typing import cast

import asyncpg
import pytest

from chassis import background, backoff
from chassis.background import FAILURES, RECOVERED_SECONDS, Background, keep_running
from chassis.errors import Internal
from chassis.events.outbox import Relay, start_publishing
from chassis.events.publisher import Publisher
from chassis.storage.database import Database
from tests.waiting import eventually

FAULTS = [
    ValueError(),
    OSError(28, "No space left on device"),
    asyncpg.DiskFullError("disk full"),
    Internal(),
    TimeoutError(),
    MemoryError(),
    asyncio.CancelledError(),
    ExceptionGroup("two", [ValueError(), OSError()]),
]


async def cancelled_by_a_library() -> None:
    """Wait for a future that something else cancels."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    await future


async def test_failing_work_is_started_again_within_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
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
    await keep_running("work", work)
    assert starts == 7
    # A saga's lease lasts six seconds. The task that renews it must be running again well before that.
    assert max(slept) < 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_work_is_started_again_after_every_kind_of_fault(
    fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "jitter", lambda _: 0.0)
    before = FAILURES.labels("work")._value.get()
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise fault
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        running = Background(stack)
        running.start("idle", asyncio.Event().wait)  # pyright: ignore[reportArgumentType]
        task = running.start("work", work)
        await eventually(lambda: _true(starts == 2))
        assert running.failing() == ["work"]
        assert running.names() == ["idle", "work"]
        assert FAILURES.labels("work")._value.get() == before + 1
    assert task.cancelled()


async def test_cancellation_of_something_else_does_not_end_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "jitter", lambda _: 0.0)
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts < 4:
            await cancelled_by_a_library()

    await keep_running("work", work)
    assert starts == 4


async def test_cancelled_work_ends_at_once() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(keep_running("work", work))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_runs_again_for_a_while_is_no_longer_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RECOVERED_SECONDS", 0.05)
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise ValueError
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack:
        running = Background(stack)
        running.start("work", work)
        await eventually(lambda: _true(starts == 2))
        await eventually(lambda: _true(not running.failing()))
    assert background._LONGEST_RESTART * 1.25 < RECOVERED_SECONDS


async def _true(value: bool) -> bool:
    return value


async def test_failing_connection_to_the_broker_does_not_stop_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[Publisher] = []
    relays: list[str] = []
    reconnected = asyncio.Event()

    async def connect(publisher: Publisher) -> None:
        connections.append(publisher)
        if len(connections) == 1:
            raise ValueError
        reconnected.set()
        await asyncio.Event().wait()

    async def relay(_: Relay) -> None:
        relays.append("started")
        await asyncio.Event().wait()

    monkeypatch.setattr(backoff, "jitter", lambda _: 0.0)
    monkeypatch.setattr(Publisher, "run", connect)
    monkeypatch.setattr(Relay, "run", relay)
    async with AsyncExitStack() as stack:
        start_publishing(Background(stack), cast(Database, None), "amqp://")
        async with asyncio.timeout(30):
            await reconnected.wait()
        assert relays == ["started"]
    assert connections[0] is connections[1]
