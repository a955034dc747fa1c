"""How long the saga engine waits, and how often it tries again."""

from dataclasses import dataclass

TICK_SECONDS = 1.0
AT_ONCE = 100
"""Maximum number of sagas that recovery drives at the same time; sagas driven by requests do not count."""
TAILS = 1000
"""Tails checked in one call."""
QUICK_SECONDS = 3.0
"""Most tails finish within this time. A slower one costs an extra journal write."""
TAIL_CHECK_SECONDS = 1.0
LONGEST_BACKOFF = 60.0
LOOKS = 3
"""Number of checks that must find a tail unfinished before its saga is parked: consumers may be catching up."""
HOLD_SECONDS = 5.0
"""How long this process ignores a saga after an unexpected error, even if the journal shows the saga as due."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Limits after which a saga is parked. All times are in seconds."""

    first_backoff: float
    refusals: int
    """Consecutive refusals of one step after which its saga is parked. An unavailable callee does not count."""
    tail_overdue: float
    """Age of an unfinished tail at which its saga is parked. The tail is still checked: it may finish by itself."""
    overdue: float = 24 * 3600.0
    """Time after which an undecided or half-undone saga is parked. Only time in which this process ran counts."""
