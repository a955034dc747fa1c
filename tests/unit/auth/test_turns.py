"""Turns at hashing passwords: their order, and how many may wait."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from auth_svc import turns as module
from auth_svc.errors import TooManyAttempts
from auth_svc.turns import AT_ONCE, MOST_WAITING, Turns


async def test_both_queues_and_those_who_wait_in_them_take_turns() -> None:
    turns, order = Turns(), list[str]()

    async def take(client: str, priority: bool) -> None:
        async with turns.take(client, priority=priority):
            order.append(client)

    async with asyncio.TaskGroup() as group, AsyncExitStack() as busy:
        for _ in range(AT_ONCE):
            await busy.enter_async_context(turns.take("busy", priority=False))
        for client, priority in [
            *[("flood", False)] * 3,
            ("other", False),
            *[("known", True)] * 2,
            ("neighbour", True),
        ]:
            group.create_task(take(client, priority))
            await asyncio.sleep(0)
    assert order == ["known", "flood", "neighbour", "other", "known", "flood", "flood"]


async def test_number_of_waiting_calls_of_a_client_is_limited_and_given_back() -> None:
    turns = Turns()

    async def take(client: str) -> None:
        async with turns.take(client, priority=False):
            pass

    async with AsyncExitStack() as busy:
        for _ in range(AT_ONCE):
            await busy.enter_async_context(turns.take("busy", priority=False))
        waiting = [asyncio.create_task(take("flood")) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyAttempts):
            await take("flood")
        waiting[0].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    # Nobody holds a turn: all are free again.
    async with asyncio.timeout(1), AsyncExitStack() as all_turns:
        for _ in range(AT_ONCE):
            await all_turns.enter_async_context(turns.take("next", priority=False))


async def test_turn_of_a_call_that_is_cancelled_as_it_gets_it_passes_on() -> None:
    turns = Turns()

    async def take() -> None:
        async with turns.take("client", priority=False):
            pass

    async with AsyncExitStack() as busy:
        for _ in range(AT_ONCE):
            await busy.enter_async_context(turns.take("busy", priority=False))
        waiting = [asyncio.create_task(take()) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
    # They have got their turns, but have not run since.
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(1), turns.take("next", priority=False):
        pass


async def test_full_queue_makes_room_for_those_who_have_fewer_calls_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IN_QUEUE", 4)
    turns, served = Turns(), list[str]()

    async def take(client: str) -> None:
        async with turns.take(client, priority=False):
            served.append(client)

    async with AsyncExitStack() as busy:
        for _ in range(AT_ONCE):
            await busy.enter_async_context(turns.take("busy", priority=False))
        tasks = [asyncio.create_task(take(client)) for client in ("flood", "flood", "flood", "other", "new")]
        await asyncio.sleep(0)
        with pytest.raises(TooManyAttempts):
            await take("other")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, TooManyAttempts) for result in results] == [False, False, True, False, False]
    assert sorted(served) == ["flood", "flood", "new", "other"]
