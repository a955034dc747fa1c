"""The coalescer: few batches, and each item succeeds or fails on its own."""

import asyncio
from collections.abc import Sequence

import pytest

from chassis.calling.coalescer import Coalescer
from chassis.errors import ServiceUnavailable
from tests.waiting import eventually


class Sink:
    """Receives batches while its gate is open, and fails for negative items."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.unavailable = False

    async def is_busy(self) -> bool:
        return bool(self.batches)

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append([*items])
        await self.gate.wait()
        if self.unavailable:
            raise ServiceUnavailable(service="database")
        if any(item < 0 for item in items):
            raise ValueError("negative")
        return [item * 10 for item in items]


async def submit_all(sink: Sink, items: Sequence[int], limit: int = 500) -> list[object]:
    coalescer = Coalescer(sink.send, limit)
    tasks = [asyncio.create_task(coalescer.submit(item)) for item in items]
    await asyncio.sleep(0)
    sink.gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_items_that_arrive_together_share_a_batch_and_get_their_own_results() -> None:
    sink = Sink()
    assert await submit_all(sink, range(100)) == [item * 10 for item in range(100)]
    assert sink.batches == [[*range(100)]]


async def test_items_that_arrive_during_a_batch_form_the_next() -> None:
    sink = Sink()
    coalescer = Coalescer(sink.send)
    first = asyncio.create_task(coalescer.submit(1))
    await eventually(sink.is_busy)
    others = [asyncio.create_task(coalescer.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    sink.gate.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert sink.batches == [[1], [2, 3]]


async def test_batches_are_limited() -> None:
    sink = Sink()
    assert await submit_all(sink, range(25), limit=10) == [item * 10 for item in range(25)]
    assert [len(batch) for batch in sink.batches] == [10, 10, 5]


async def test_failing_item_fails_alone() -> None:
    sink = Sink()
    results = await submit_all(sink, [1, 2, -3, 4, 5])
    assert [result for result in results if not isinstance(result, Exception)] == [10, 20, 40, 50]
    assert isinstance(results[2], ValueError)


async def test_unavailable_receiver_fails_all_items_without_sending_again() -> None:
    sink = Sink()
    sink.unavailable = True
    results = await submit_all(sink, range(8))
    assert all(isinstance(result, ServiceUnavailable) for result in results)
    assert len(sink.batches) == 1


async def test_item_of_a_cancelled_caller_is_not_sent() -> None:
    sink = Sink()
    coalescer = Coalescer(sink.send, limit=1)
    tasks = [asyncio.create_task(coalescer.submit(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    sink.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sink.batches == [[1], [3]]


async def test_missing_results_fail_every_item() -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(ValueError, match="0 results"):
        await Coalescer(send).submit(1)


async def test_interval_sends_the_first_item_at_once_and_gathers_the_rest() -> None:
    loop, begun = asyncio.get_running_loop(), list[float]()
    batches: list[list[int]] = []

    async def send(items: Sequence[int]) -> Sequence[int]:
        begun.append(loop.time())
        batches.append([*items])
        return items

    async with asyncio.timeout(5):
        await Coalescer(send, interval=60).submit(0)
    coalescer = Coalescer(send, interval=0.5)
    await coalescer.submit(1)
    second = asyncio.create_task(coalescer.submit(2))
    for _ in range(5):
        # Without an interval, the item would have been sent by now.
        await asyncio.sleep(0)
    await asyncio.gather(second, coalescer.submit(3))
    assert batches == [[0], [1], [2, 3]]
    assert begun[2] - begun[1] > 0.49


async def test_cancel_releases_items_that_wait_for_the_interval() -> None:
    sink = Sink()
    sink.gate.set()
    coalescer = Coalescer(sink.send, interval=60)
    await coalescer.submit(1)
    second = asyncio.create_task(coalescer.submit(2))
    await asyncio.sleep(0)
    coalescer.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([second])
    assert second.cancelled()
    assert sink.batches == [[1]]
