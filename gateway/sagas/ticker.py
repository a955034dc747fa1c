"""A loop that repeats one task every second, or sooner when woken."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from chassis.errors import ServiceUnavailable
from gateway.sagas import timing

log = structlog.get_logger()


class Ticker:
    """Repeats work, and postpones it while a dependency is unavailable. Other errors end the loop."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Repeat the work now, without waiting for the next second."""
        self._woken.set()

    async def run(self) -> None:
        """Repeat the work until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self._work()
            except ServiceUnavailable as error:
                log.info("saga_tick_postponed", error=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(timing.TICK_SECONDS):
                    await self._woken.wait()
