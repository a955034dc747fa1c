"""Background work: tasks that run as long as the service, and that start again after they failed.

It also collects other trouble that health answers show, such as a database that accepts no writes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog
from prometheus_client import Counter

from chassis.backoff import Backoff
from chassis.tasks import cancel

log = structlog.get_logger()

FAILURES = Counter("background_failures_total", "Times that background work failed and was started again.", ["work"])

_FIRST_RESTART, _LONGEST_RESTART = 0.2, 1.5
RECOVERED_SECONDS = 5.0
"""Work counts as failing until this long after its last failure. Longer than the longest pause before a restart."""

Work = Callable[[], Coroutine[Any, Any, None]]


class Background:
    """The background work of one service. Each piece has a name, which health answers and metrics show."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """Set up. The work ends when `stack` closes."""
        self._stack = stack
        self._failed_at: dict[str, float] = {}

    def start(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run work until the service ends; return its task.

        Work that fails is counted, logged and started again within two seconds.
        """
        FAILURES.labels(name)
        self._failed_at[name] = float("-inf")
        task = asyncio.create_task(keep_running(name, work, partial(self._note, name)), name=name)
        self._stack.push_async_callback(cancel, task)
        return task

    def names(self) -> list[str]:
        """Return the names of all work."""
        return sorted(self._failed_at)

    def failing(self) -> list[str]:
        """Return the names of the work that failed a moment ago."""
        since = asyncio.get_running_loop().time() - RECOVERED_SECONDS
        return [name for name in self.names() if self._failed_at[name] > since]

    def report(self, trouble: str) -> None:
        """Count `trouble`, a few words for operators, as failing work for a moment; for trouble that raises nothing."""
        self._note(trouble)

    def _note(self, name: str) -> None:
        self._failed_at[name] = asyncio.get_running_loop().time()


async def keep_running(name: str, work: Work, failed: Callable[[], None] = lambda: None) -> None:
    """Run work until it returns or this task is cancelled; start it again whenever it fails, and call `failed`."""
    backoff = Backoff(_FIRST_RESTART, _LONGEST_RESTART)
    while True:
        started = asyncio.get_running_loop().time()
        try:
            return await work()
        except asyncio.CancelledError as error:
            # If nobody cancelled this task, a library passed on the cancellation of something else: that is a failure.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            _report(name, error)
        except Exception as error:
            _report(name, error)
        failed()
        if asyncio.get_running_loop().time() - started > RECOVERED_SECONDS:
            backoff.reset()
        await backoff.pause()


def _report(name: str, error: BaseException) -> None:
    FAILURES.labels(name).inc()
    log.error("background_work_failed", work=name, error=error)
