"""Patience: waiting, within limits, until nobody else uses the machine, since what others take a variant loses."""

import asyncio
import time
from dataclasses import dataclass

from bench.machine import busy_share

DISTURBED = 0.15
"""The share of all cores that others may have used before a run is measured once more."""

QUIET = 0.15
"""The share of all cores that may be busy when a run begins."""

_LOOK_SECONDS = 0.3
_LONGEST_WAIT = 15.0


@dataclass
class Patience:
    """How many seconds may still be spent on it, over all runs."""

    seconds: float

    async def wait_until_quiet(self) -> None:
        """Wait, at most a little while, until the machine is idle."""
        if self.seconds <= 0:
            return
        began = time.monotonic()
        while await busy_share(_LOOK_SECONDS) > QUIET:
            waited = time.monotonic() - began
            if waited > min(_LONGEST_WAIT, self.seconds):
                break
            await asyncio.sleep(_LOOK_SECONDS)
        self.seconds -= time.monotonic() - began

    def again(self, disturbance: float, seconds: float) -> bool:
        """Tell whether a run that took so long was so disturbed that it is measured once more."""
        if disturbance <= DISTURBED or self.seconds < seconds:
            return False
        self.seconds -= seconds
        return True
