"""Attempts at a row: each pause ends within the row's time."""

import asyncio
from collections.abc import Iterator

import pytest

from chassis import backoff
from gateway.imports import attempts
from gateway.imports.attempts import Attempts


@pytest.mark.parametrize("factors", [(1.25,), (0.75,), (0.75, 1.25)])
async def test_pause_ends_before_the_deadline_with_every_jitter(
    monkeypatch: pytest.MonkeyPatch, factors: tuple[float, ...]
) -> None:
    clock = 0.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds
        slept.append(seconds)

    def rigged() -> Iterator[float]:
        while True:
            yield from factors

    drawn = rigged()
    # The fifth pause is 4 s. With a jitter of 1.25, it would end after this deadline.
    monkeypatch.setattr(attempts, "ROW_SECONDS", 9.0)
    monkeypatch.setattr(backoff, "jitter", lambda seconds: seconds * next(drawn))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock, raising=False)
    row = Attempts()
    while not row.exhausted():
        assert not row.exhausted()  # a second call must not draw another pause
        await row.pause()
    assert len(slept) >= 4
    assert clock <= 9.0
