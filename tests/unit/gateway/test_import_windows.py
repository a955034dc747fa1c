"""Windows of an import: rows are processed in random order, and answered in theirs."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from chassis.errors import InvalidRequest, ServiceUnavailable
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports import windows
from gateway.imports.rows import Item, Row
from gateway.imports.windows import Windows, shuffled


def row(number: int, size: int = 1) -> Row:
    return Row(RawSample(organism=str(number)), "", size)


async def taken(items: AsyncIterator[Item]) -> list[list[int]]:
    """Return the numbers of the rows in each window."""
    found: list[list[int]] = []
    made = Windows(items)
    try:
        while window := await made.take():
            found.append([int(item.sample.organism) for item in window if isinstance(item, Row)])
    finally:
        await made.close()
    return found


async def all_at_once(count: int, size: int = 1) -> AsyncIterator[Item]:
    for number in range(count):
        yield row(number, size)


async def test_window_has_a_limited_number_of_rows() -> None:
    found = await taken(all_at_once(2500))
    assert [len(window) for window in found] == [1000, 1000, 500]
    assert [number for window in found for number in window] == list(range(2500))


async def test_window_has_a_limited_size() -> None:
    found = await taken(all_at_once(7, size=windows._MOST_BYTES // 2))
    assert [len(window) for window in found] == [2, 2, 2, 1]


async def test_window_ends_when_the_sender_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_PAUSE_SECONDS", 0.001)
    answered = asyncio.Event()

    async def waiting() -> AsyncIterator[Item]:
        yield row(0)
        yield row(1)
        # An interactive sender sends the next row when it has the answer.
        await answered.wait()
        yield row(2)

    made = Windows(waiting())
    assert len(await made.take()) == 2
    answered.set()
    assert len(await made.take()) == 1
    assert await made.take() == []
    await made.close()


async def test_next_window_is_collected_while_one_is_processed() -> None:
    asked = 0

    async def counting() -> AsyncIterator[Item]:
        nonlocal asked
        for number in range(5000):
            asked = number + 1
            yield row(number)

    made = Windows(counting())
    assert len(await made.take()) == 1000
    for _ in range(20):
        await asyncio.sleep(0)
    # One row is held back until there is room for it.
    assert asked == 2001
    await made.close()


async def test_error_of_the_items_comes_after_the_rows_before_it() -> None:
    async def failing() -> AsyncIterator[Item]:
        yield row(0)
        yield InvalidRequest()
        raise ServiceUnavailable

    made = Windows(failing())
    assert len(await made.take()) == 2
    with pytest.raises(ServiceUnavailable):
        await made.take()
    await made.close()


async def test_no_items_make_no_window() -> None:
    assert await taken(all_at_once(0)) == []


def test_order_is_random_and_complete() -> None:
    orders = [shuffled(50) for _ in range(20)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 20
    # Neighbours in the file are no neighbours in the order, apart from chance.
    adjacent = sum(abs(a - b) == 1 for order in orders for a, b in pairwise(order))
    assert adjacent < 20 * 49 * 0.2
