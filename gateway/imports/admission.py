"""The window: how many rows of imports, and how many bytes of them, are under way in this process at a time."""

import asyncio
from collections import deque


class Window:
    """Lets in so much at a time, and who came first first."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._count = self._bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, size: int) -> None:
        """Wait until there is room; nothing may be larger than all of it."""
        if not self._waiting and self._has_room(size):
            self._count, self._bytes = self._count + 1, self._bytes + size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(size)
            else:
                turn.cancel()
                self._let_in()
            raise

    def leave(self, size: int) -> None:
        """Make room again."""
        self._count, self._bytes = self._count - 1, self._bytes - size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if not self._has_room(size):
                    return
                self._count, self._bytes = self._count + 1, self._bytes + size
                turn.set_result(None)
            self._waiting.popleft()

    def _has_room(self, size: int) -> bool:
        return self._count < self._most and self._bytes + size <= self._most_bytes
