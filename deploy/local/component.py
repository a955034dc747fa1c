"""The interface of a component: how the constellation prepares, starts and checks a server or service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from deploy.local.process import Command


class Component(Protocol):
    """A server or service of the constellation."""

    @property
    def name(self) -> str: ...

    @property
    def ports(self) -> tuple[str, ...]:
        """The names in `Ports` of the ports it listens on; the first is its address."""
        ...

    async def prepare(self) -> None:
        """Create what the component needs. Called before every start, so it must be idempotent."""
        ...

    def commands(self) -> Sequence[Command]:
        """Return the commands of its processes in starting order; the last is the component itself."""
        ...

    async def ready(self) -> bool:
        """Return whether it is ready. Must not raise while the component is still starting."""
        ...


async def until(condition: Callable[[], Awaitable[bool]], limit: float, pause: float = 0.05) -> bool:
    """Poll until the condition holds or `limit` seconds have passed; return whether it holds."""
    deadline = time.monotonic() + limit
    while True:
        if await condition():
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause)
