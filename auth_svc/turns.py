"""Turns at hashing passwords: few hashes are computed at a time, and nobody makes the others wait for all their own.

Calls wait in two queues, which take turns: one for those with priority, and one for all others. In each queue those who
wait, clients or accounts, take turns as well.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auth_svc.errors import TooManyAttempts

AT_ONCE = 2
"""The number of threads that hash."""
MOST_WAITING = 16
"""How many calls of one client or account may wait; further ones are refused."""
MOST_IN_QUEUE = 200
"""How many calls may wait in a queue. Then whoever has most of them loses one to a newcomer with fewer."""

_Queue = OrderedDict[str, deque[asyncio.Future[None]]]
"""The waiting calls of each client or account, those whose turn is next first."""


class Turns:
    """Lets calls proceed."""

    def __init__(self) -> None:
        self._free = AT_ONCE
        self._prior, self._others = _Queue(), _Queue()
        self._prior_is_next = True

    @asynccontextmanager
    async def take(self, holder: str, *, priority: bool) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block. Raises TooManyAttempts if too many calls wait."""
        await self._wait(holder, self._prior if priority else self._others)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, holder: str, queue: _Queue) -> None:
        if self._free:
            self._free -= 1
            return
        if len(queue.get(holder, ())) >= MOST_WAITING:
            raise TooManyAttempts
        if sum(map(len, queue.values())) >= MOST_IN_QUEUE:
            _make_room(holder, queue)
        waiting = queue.setdefault(holder, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        queues = (self._prior, self._others) if self._prior_is_next else (self._others, self._prior)
        for queue in queues:
            while queue:
                holder, waiting = queue.popitem(last=False)
                turn = waiting.popleft()
                if waiting:
                    queue[holder] = waiting
                if not turn.done():
                    self._prior_is_next = queue is self._others
                    turn.set_result(None)
                    return
        self._free += 1


def _make_room(holder: str, queue: _Queue) -> None:
    """Refuse the last call of whoever has most of a queue. Raises TooManyAttempts if the newcomer has as many."""
    most = max(queue.values(), key=len)
    if len(most) <= len(queue.get(holder, ())) + 1:
        raise TooManyAttempts
    turn = most.pop()
    if not turn.done():
        turn.set_exception(TooManyAttempts())
