"""Slow readers: ends an import whose caller stops reading the answer."""

import asyncio

LIMIT_SECONDS = 30.0
"""How long the caller may take to read one piece."""


class SlowReader:
    """Cancels the task that created it when the caller takes too long over one piece of the answer."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._unread = self._limited = False
        self.overdue = False
        """Whether this object cancelled the task. If so, raise an error: gRPC sends no status for a cancelled call."""
        self._timer: asyncio.TimerHandle | None = None

    def given(self) -> None:
        """Note that the caller has a piece to read."""
        self._unread = True
        self._restart_timer()

    def taken(self) -> None:
        """Note that the caller is ready for the next piece."""
        self._unread = False
        self._restart_timer()

    def limit(self) -> None:
        """Enforce the limit from now on. Until the whole request has arrived, the caller may be busy sending it."""
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
