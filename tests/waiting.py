"""Waiting: for a condition instead of a fixed time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found]], *, within: float = 30.0) -> Found:
    """Return the first true result of `look`. Transport errors count as false. Fails after `within` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    last: object = None
    while asyncio.get_running_loop().time() < deadline:
        try:
            last = await look()
        except httpx.TransportError as error:
            last = error
        else:
            if last:
                return last  # pyright: ignore[reportReturnType]
        await asyncio.sleep(0.05)
    raise AssertionError(f"condition not met within {within} s; last result: {last!r}")


@asynccontextmanager
async def counting_turns() -> AsyncIterator[Callable[[], int]]:
    """Yield a function that returns how many times the event loop has run another task so far."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    try:
        yield lambda: turns
    finally:
        task.cancel()
