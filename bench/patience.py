"""Patience: waits a short time until the machine is quiet, because other programs would slow a variant down."""

import time

from bench.machine import busy_share

DISTURBED = 0.15
"""The share of all cores that others may use during a run before the report warns."""

QUIET = 0.15
"""The share of all cores that may be busy when a run begins."""

_LOOK_SECONDS = 0.3


async def wait_until_quiet(seconds: float) -> None:
    """Wait until the machine is idle, but at most `seconds`. Every run waits, so that no variant is favoured."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and await busy_share(_LOOK_SECONDS) > QUIET:
        pass
