"""Retries of one row while a required service is unavailable: growing pauses, up to the row's time limit."""

import asyncio

from chassis.backoff import Backoff

ROW_SECONDS = 30.0
"""Equal to the time limit of a call for one sample."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0


class Attempts:
    """Limits the time of one row, counted from the creation of this object."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self._pause = self._backoff.next_pause()
        self.deadline = self._now() + ROW_SECONDS

    def exhausted(self) -> bool:
        """Return whether the time left is too short for the next pause."""
        return self._now() + self._pause > self.deadline

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self._pause)
        self._pause = self._backoff.next_pause()
