"""How long the engine of sagas waits for what, and how often; in seconds where nothing else is said."""

from dataclasses import dataclass

TICK_SECONDS = 1.0
AT_ONCE = 100
"""Sagas that are driven to their end at the same time, apart from those that requests drive."""
TAILS = 1000
"""Tails that are looked at in one call."""
QUICK_SECONDS = 3.0
"""A tail that takes longer is noted in the journal; most are over before, and cost no write of their own."""
TAIL_CHECK_SECONDS = 1.0
LONGEST_BACKOFF = 60.0
LOOKS = 3
"""A tail is not parked before it was found not done so often: a platform that was down has to catch up first."""
HOLD_SECONDS = 5.0
"""After a fault of our own a saga rests so long, here: its row may be due still."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds, and how often they may fail."""

    first_backoff: float
    refusals: int
    """What is refused so often in a row is parked; a callee that is merely away is waited for."""
    tail_overdue: float
    """A tail is parked after so long, and looked at all the same: what it waits for may come by itself."""
    overdue: float = 24 * 3600.0
    """What is neither decided nor undone after so long is parked, too. Only time counts in which somebody tried."""
