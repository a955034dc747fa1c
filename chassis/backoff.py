"""Back-off: the pauses between attempts at an operation that keeps failing.

Pauses double up to a limit and are jittered, so that the clients of a restarted server do not all call it at once.
"""

import asyncio
import random


def jitter(seconds: float) -> float:
    """Return `seconds`, randomly made up to a quarter shorter or longer."""
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries; nobody gains by guessing it


class Backoff:
    """Pauses of one loop, each up to twice as long as the one before."""

    def __init__(self, first: float, longest: float) -> None:
        """Set up. `first` and `longest` are in seconds."""
        self._first = first
        self._longest = longest
        self._upcoming = first

    def next_pause(self) -> float:
        """Return the seconds to wait now; the next pause is longer."""
        upcoming, self._upcoming = self._upcoming, min(self._upcoming * 2, self._longest)
        return jitter(upcoming)

    def reset(self) -> None:
        """Begin again with the first pause, because an attempt succeeded."""
        self._upcoming = self._first

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self.next_pause())
