"""Places for imports: who gets one when all are taken, and who loses one."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from chassis.call_context import Caller
from chassis.serving.account_calls import NEW_SECONDS
from chassis.tasks import cancel
from gateway.imports import pace, places
from gateway.imports.errors import Overloaded
from gateway.imports.pace import MINIMUM, Pace
from gateway.imports.places import MOST_PER_ACCOUNT, Holder, Places
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_GRACE_SECONDS", 0.05)
    monkeypatch.setattr(places, "_SHARE_SECONDS", 0.1)
    monkeypatch.setattr(places, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.5)


async def is_slow(imported: Pace) -> bool:
    return imported.is_slow()


async def enter(stack: AsyncExitStack, room: Places, account: str, *, is_new: bool = False) -> Pace:
    return await stack.enter_async_context(room.hold(Holder(account, is_new)))


async def test_slow_import_gives_its_place_to_a_newcomer() -> None:
    room = Places(2)
    async with AsyncExitStack() as stack:
        slow, fast = await enter(stack, room, "a"), await enter(stack, room, "b")
        slow.wait()
        slow.receive(10)
        slow.wait()
        await enter(stack, room, "c")
        assert (slow.stopped.done(), fast.stopped.done()) == (True, False)


async def test_slow_import_keeps_its_place_while_nobody_needs_it() -> None:
    room = Places(2)
    async with AsyncExitStack() as stack:
        slow = await enter(stack, room, "a")
        slow.wait()
        await eventually(lambda: is_slow(slow))
        await enter(stack, room, "b")
        assert not slow.stopped.done()


async def test_fast_import_and_a_busy_gateway_are_not_slow() -> None:
    fast, busy = Pace(), Pace()
    fast.wait()
    await eventually(lambda: is_slow(fast))
    fast.receive(int(MINIMUM))
    fast.wait()
    # The gateway does not wait for this sender.
    busy.receive(1)
    assert not fast.is_slow()
    assert not busy.is_slow()


async def test_time_in_which_the_gateway_does_not_read_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    imported, now = Pace(), [100.0]
    monkeypatch.setattr(imported, "_now", lambda: now[0])
    imported.wait()
    imported.receive(1)
    now[0] += 60
    assert imported.waited() == 0
    imported.wait()
    now[0] += 1
    assert imported.is_slow()


async def test_burst_does_not_pay_for_a_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    imported, now = Pace(), [100.0]
    monkeypatch.setattr(imported, "_now", lambda: now[0])
    imported.wait()
    imported.receive(100_000_000)
    imported.wait()
    now[0] += 3
    assert not imported.is_slow()
    now[0] += 7
    assert imported.is_slow()


@pytest.mark.parametrize(("rate", "is_slow"), [(MINIMUM * 0.9, True), (MINIMUM * 1.1, False)])
async def test_steady_sender_is_judged_by_its_rate(monkeypatch: pytest.MonkeyPatch, rate: float, is_slow: bool) -> None:
    imported, now = Pace(), [100.0]
    monkeypatch.setattr(imported, "_now", lambda: now[0])
    for _ in range(1000):
        imported.wait()
        now[0] += 0.1
        imported.receive(round(rate * 0.1))
    imported.wait()
    assert imported.is_slow() == is_slow


async def test_account_without_an_import_does_not_wait_behind_one_that_has_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 60)
    room = Places(3)
    async with AsyncExitStack() as stack:
        for account in ("old", "other", "other"):
            await enter(stack, room, account)
        waiting = asyncio.create_task(enter(stack, room, "old"))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await enter(stack, room, "new", is_new=True)
        await cancel(waiting)


async def test_few_imports_of_new_accounts_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_NEW_WAITING", 1)
    monkeypatch.setattr(places, "WAIT_SECONDS", 60)
    room = Places(1)
    async with AsyncExitStack() as stack:
        await enter(stack, room, "a")
        waiting = asyncio.create_task(enter(stack, room, "b", is_new=True))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            with pytest.raises(Overloaded):
                await enter(stack, room, "c", is_new=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await enter(stack, room, "d")
        await cancel(waiting)


async def test_account_has_a_limited_number_of_places_even_if_others_are_free() -> None:
    room = Places(MOST_PER_ACCOUNT + 1)
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PER_ACCOUNT):
            await enter(stack, room, "a")
        with pytest.raises(Overloaded):
            await enter(stack, room, "a")
        await enter(stack, room, "b")


async def test_account_without_an_import_gets_a_place_of_one_with_two() -> None:
    room = Places(3)
    async with AsyncExitStack() as stack:
        first, second = await enter(stack, room, "a"), await enter(stack, room, "a")
        alone = await enter(stack, room, "b")
        await enter(stack, room, "c")
        assert first.stopped.done() != second.stopped.done()
        assert not alone.stopped.done()
        # Now each account has one.
        with pytest.raises(Overloaded):
            await enter(stack, room, "d")


async def test_account_with_fewer_imports_is_served_before_one_that_came_first() -> None:
    room = Places(2)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        leaving = AsyncExitStack()
        await enter(leaving, room, "b")
        await enter(stack, room, "a")
        order: list[str] = []

        async def join(account: str) -> None:
            async with room.hold(Holder(account, is_new=False)):
                order.append(account)

        group.create_task(join("a"))
        await asyncio.sleep(0)
        group.create_task(join("c"))
        await asyncio.sleep(0)
        await leaving.aclose()
    assert order == ["c", "a"]


async def test_new_account_is_served_after_one_that_came_later() -> None:
    room = Places(1)
    order: list[str] = []

    async def join(account: str, is_new: bool) -> None:
        async with room.hold(Holder(account, is_new)):
            order.append(account)

    async with asyncio.TaskGroup() as group, AsyncExitStack() as leaving:
        await enter(leaving, room, "a")
        for account, is_new in (("new", True), ("old", False)):
            group.create_task(join(account, is_new))
            await asyncio.sleep(0)
    assert order == ["old", "new"]


@pytest.mark.parametrize(("age", "is_new"), [(NEW_SECONDS - 60, True), (NEW_SECONDS + 60, False)])
def test_account_is_new_for_a_day(age: float, is_new: bool) -> None:
    assert Holder.of(Caller("a", account_since=time.time() - age)) == Holder("a", is_new)


async def test_new_account_gives_its_place_to_one_that_is_not_new_but_not_the_other_way() -> None:
    room = Places(2)
    async with AsyncExitStack() as stack:
        new, other = await enter(stack, room, "a", is_new=True), await enter(stack, room, "b")
        with pytest.raises(Overloaded):
            await enter(stack, room, "c", is_new=True)
        await enter(stack, room, "d")
        assert (new.stopped.done(), other.stopped.done()) == (True, False)
