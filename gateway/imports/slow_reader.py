"""Unread: how long an answer waits for its reader, once there is nothing else to wait for."""

import asyncio

UNREAD_SECONDS = 30.0


class Unread:
    """Cancels the task that made it when it takes longer than this over one piece of an answer."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._reader = task
        self._given = self._limited = False
        self.overdue = False
        """Whether it was cancelled here: gRPC tells a caller nothing of a call that ends by being cancelled."""
        self._timer: asyncio.TimerHandle | None = None

    def given(self) -> None:
        """Note that the reader has a piece to deal with."""
        self._given = True
        self._watch()

    def taken(self) -> None:
        """Note that the reader asks for the next piece."""
        self._given = False
        self._watch()

    def limit(self) -> None:
        """Begin to limit: until then who sends may be the one who reads, and busy with sending."""
        self._limited = True
        self._watch()

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._given and self._limited:
            self._timer = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self.overdue = True
        self._reader.cancel()
