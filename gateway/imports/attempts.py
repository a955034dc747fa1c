"""Attempts at one row while a required service is unavailable: growing pauses, until the row's time is up."""

import asyncio

from chassis.backoff import Backoff

ROW_SECONDS = 30.0
"""The same time as a call for one sample has."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0


class Attempts:
    """The time of one row, which begins with the creation of this object."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self.deadline = self._now() + ROW_SECONDS

    def exhausted(self) -> bool:
        """Return whether the time left is too short for another attempt."""
        return self._now() + self._backoff.upcoming > self.deadline

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await self._backoff.pause()
