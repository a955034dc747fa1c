"""Turns at hashing passwords: few hashes are computed at a time, and no client makes the others wait for its own."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_svc.errors import TooManyAttempts

AT_ONCE = 2
"""The number of threads that hash."""
MOST_WAITING = 16
"""How many calls of one client may wait; further ones are refused."""

_Queue = OrderedDict[str, deque[asyncio.Future[None]]]
"""The waiting calls of each client, the client whose turn is next first."""


class Turns:
    """Lets calls proceed: first those with priority, and among equals one of each client in turn."""

    def __init__(self) -> None:
        self._free = AT_ONCE
        self._first, self._others = _Queue(), _Queue()

    @asynccontextmanager
    async def take(self, client: str, *, priority: bool) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block. Raises TooManyAttempts if too many of a client wait."""
        await self._wait(client, self._first if priority else self._others)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, client: str, queue: _Queue) -> None:
        if self._free:
            self._free -= 1
            return
        waiting = queue.setdefault(client, deque())
        if len(waiting) >= MOST_WAITING:
            raise TooManyAttempts
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for queue in (self._first, self._others):
            while queue:
                client, waiting = queue.popitem(last=False)
                turn = waiting.popleft()
                if waiting:
                    queue[client] = waiting
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
