"""Slow readers: ends an import whose caller stops reading the answer."""

import asyncio

LIMIT_SECONDS = 30.0
"""How long the caller may take to read one piece of the answer."""


class SlowReader:
    """Cancels the task that created it when the caller takes too long over one piece of the answer."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        self._task = task
        self._unread = self._limited = False
        self.overdue = False
        """Whether this object cancelled the task. The task must then raise an error, or gRPC would send no status."""
        self._timer: asyncio.TimerHandle | None = None

    def given(self) -> None:
        """Record that the caller is given a piece to read."""
        self._unread = True
        self._restart_timer()

    def taken(self) -> None:
        """Record that the caller is ready for the next piece."""
        self._unread = False
        self._restart_timer()

    def limit(self) -> None:
        """Enforce the limit from now on: the whole request has arrived, so the caller is not busy sending."""
        self._limited = True
        self._restart_timer()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._unread and self._limited:
            self._timer = asyncio.get_running_loop().call_later(LIMIT_SECONDS, self._cancel_task)

    def _cancel_task(self) -> None:
        self.overdue = True
        self._task.cancel()
