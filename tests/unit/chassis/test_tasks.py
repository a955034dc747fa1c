"""Ending tasks: a task ends although a library loses a cancellation."""

import asyncio
from contextlib import suppress
from typing import cast

import pytest
from redis.asyncio import Redis

from chassis import tasks
from chassis.call_context import Caller
from chassis.identity.revocation import RevocationList


async def test_loop_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    lost = 0

    async def work() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await tasks.cancel(task)
    assert task.cancelled()
    assert lost == 2


async def test_task_may_take_its_time_to_clean_up() -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await tasks.cancel(task)
    assert cleaned.is_set()


async def test_errors_and_ended_tasks_are_ignored() -> None:
    async def fail() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        raise ValueError

    async def end() -> None:
        pass

    failing, ended = asyncio.create_task(fail()), asyncio.create_task(end())
    await asyncio.sleep(0)
    await tasks.cancel(failing, ended)
    assert isinstance(failing.exception(), ValueError)
    assert not ended.cancelled()


async def test_check_of_a_token_ends_although_redis_hides_its_cancellation() -> None:
    class Hiding:
        async def mget(self, *_: str) -> list[bytes | None]:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            return [b"1", b"1", None]

    async def ask_authority(token: str, session: str) -> bool:
        raise AssertionError

    revocations = RevocationList(cast(Redis, Hiding()), ask_authority)
    check = asyncio.create_task(revocations.check(Caller(token_id="token")))
    await asyncio.sleep(0)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check
