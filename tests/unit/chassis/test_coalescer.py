"""The coalescer: few batches, and no item pays for another."""

import asyncio
from collections.abc import Sequence

import pytest

from chassis.calling.coalescer import Coalescer
from chassis.errors import ServiceUnavailable
from tests.waiting import eventually


class Sink:
    """Takes batches while its gate is open; what is negative it cannot take."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.away = False

    async def is_busy(self) -> bool:
        return bool(self.batches)

    async def send(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append([*items])
        await self.gate.wait()
        if self.away:
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


async def test_what_arrives_together_goes_together_and_each_gets_its_own() -> None:
    sink = Sink()
    assert await submit_all(sink, range(100)) == [item * 10 for item in range(100)]
    assert sink.batches == [[*range(100)]]


async def test_what_arrives_while_one_is_under_way_is_the_next_batch() -> None:
    sink = Sink()
    coalescer = Coalescer(sink.send)
    first = asyncio.create_task(coalescer.submit(1))
    await eventually(sink.is_busy)
    others = [asyncio.create_task(coalescer.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    sink.gate.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert sink.batches == [[1], [2, 3]]


async def test_batches_have_a_limit() -> None:
    sink = Sink()
    assert await submit_all(sink, range(25), limit=10) == [item * 10 for item in range(25)]
    assert [len(batch) for batch in sink.batches] == [10, 10, 5]


async def test_one_bad_item_harms_no_other() -> None:
    sink = Sink()
    results = await submit_all(sink, [1, 2, -3, 4, 5])
    assert [result for result in results if not isinstance(result, Exception)] == [10, 20, 40, 50]
    assert isinstance(results[2], ValueError)


async def test_while_the_receiver_is_away_all_fail_at_once_and_none_is_sent_again() -> None:
    sink = Sink()
    sink.away = True
    results = await submit_all(sink, range(8))
    assert all(isinstance(result, ServiceUnavailable) for result in results)
    assert len(sink.batches) == 1


async def test_an_item_whose_caller_left_is_not_sent() -> None:
    sink = Sink()
    coalescer = Coalescer(sink.send, limit=1)
    tasks = [asyncio.create_task(coalescer.submit(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    sink.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sink.batches == [[1], [3]]


async def test_too_few_results_are_nobodys() -> None:
    async def send(items: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(ValueError, match="0 results"):
        await Coalescer(send).submit(1)


async def test_at_intervals_the_first_goes_at_once_and_what_comes_before_the_next_goes_together() -> None:
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
        # Without an interval it would be on its way by now.
        await asyncio.sleep(0)
    await asyncio.gather(second, coalescer.submit(3))
    assert batches == [[0], [1], [2, 3]]
    assert begun[2] - begun[1] > 0.49


async def test_who_waits_for_the_next_interval_can_be_let_go() -> None:
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
