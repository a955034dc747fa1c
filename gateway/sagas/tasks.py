"""The tasks of this process that drive sagas."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from gateway.sagas import timing

log = structlog.get_logger()


class Tasks:
    """Runs one task per saga. After an unexpected error, pauses the saga."""

    def __init__(self) -> None:
        self._driven: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, float] = {}
        """Paused sagas, each with the event-loop time at which its pause ends."""

    def start(self, id: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Drive a saga in a task of its own. The task never raises."""
        self._driven.add(id)
        task = asyncio.create_task(self._run(id, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def busy(self) -> list[str]:
        """Return the ids of sagas that are being driven, or that are paused after an error."""
        now = asyncio.get_running_loop().time()
        self._held = {id: until for id, until in self._held.items() if until > now}
        return [*self._driven, *self._held]

    async def wait(self) -> None:
        """Wait until the current tasks have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            # The journal still shows the saga as unfinished, so it is tried again after the pause.
            self._held[id] = asyncio.get_running_loop().time() + timing.HOLD_SECONDS
            log.error("saga_task_failed", saga=id, error=error)
        finally:
            self._driven.discard(id)
