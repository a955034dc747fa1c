"""How long the saga engine waits, and how often it tries again."""

from dataclasses import dataclass

TICK_SECONDS = 1.0
AT_ONCE = 100
"""Sagas that recovery drives at the same time; those that requests drive do not count."""
TAILS = 1000
"""Tails checked in one call."""
QUICK_SECONDS = 3.0
"""A tail that takes longer gets a journal write of its own; most finish earlier and cost none."""
TAIL_CHECK_SECONDS = 1.0
LONGEST_BACKOFF = 60.0
LOOKS = 3
"""Checks that must find a tail unfinished before it is parked: after an outage, consumers first catch up."""
HOLD_SECONDS = 5.0
"""How long a saga rests here after its driver raised an unexpected error; in the journal it may still be due."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Limits after which a saga is parked. All times are in seconds."""

    first_backoff: float
    refusals: int
    """Consecutive refusals of one step after which its saga is parked. An unavailable callee does not count."""
    tail_overdue: float
    """Age at which an unfinished tail is parked. It is still checked, because it may finish without an operator."""
    overdue: float = 24 * 3600.0
    """Time after which an undecided or half-undone saga is parked. Only time in which this process ran counts."""
