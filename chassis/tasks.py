"""Ending tasks that run in the background."""

import asyncio
from typing import Any

AGAIN_SECONDS = 10.0
"""Longer than tasks take to clean up."""


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended; ignore their results.

    A library can lose a cancellation. The Redis client calls `asyncio.wait_for`, which, up to Python 3.11, loses one if
    its work ends at the same moment. A loop would then never end, so tasks that do not end are cancelled again.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            # Mark the exception as retrieved: asyncio logs the others.
            task.exception()


def raise_lost_cancellation() -> None:
    """Raise CancelledError if the current task was cancelled, and the library that it just called has hidden that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
