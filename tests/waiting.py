"""Waiting for a condition instead of for a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

Found = TypeVar("Found")


async def eventually(look: Callable[[], Awaitable[Found]], *, within: float = 30.0) -> Found:
    """Return the first true answer of `look`; a transport error counts as not yet. Fails after `within` seconds."""
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
    raise AssertionError(f"not within {within} s; last answer: {last!r}")


@asynccontextmanager
async def counting_turns() -> AsyncIterator[Callable[[], int]]:
    """Give what tells how often another task has had its turn so far."""
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
