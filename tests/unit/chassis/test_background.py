"""Background work: it is started again after it failed, and its errors are logged."""

import asyncio

import pytest

from chassis import backoff
from chassis.serving.server import _keep_running


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
    # Far less than the six seconds of a saga's lease.
    assert max(slept) <= 2.5
