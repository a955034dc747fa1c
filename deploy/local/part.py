"""What a part of the constellation is to the one that starts it: prepare, commands, ready."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from deploy.local.process import Command


class Part(Protocol):
    """A server or a service."""

    @property
    def name(self) -> str: ...

    @property
    def ports(self) -> tuple[str, ...]:
        """The fields of Ports that it listens on; the first is its address."""
        ...

    async def prepare(self) -> None:
        """Write what it needs before it starts. Called before every start, so it must bear repetition."""
        ...

    def commands(self) -> Sequence[Command]:
        """Return its processes in the order to start them; the last is the part itself."""
        ...

    async def ready(self) -> bool:
        """Tell whether it answers. Never raises for a part that is merely not there yet."""
        ...


async def until(condition: Callable[[], Awaitable[bool]], limit: float, pause: float = 0.05) -> bool:
    """Ask until the condition holds, at most `limit` seconds; tell whether it does."""
    deadline = time.monotonic() + limit
    while True:
        if await condition():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause)
