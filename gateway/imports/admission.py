"""Admission of rows: limits how many rows of all imports, and how many bytes, are in progress in this process."""

import asyncio
from collections import deque


class Admission:
    """Admits rows in the order of their arrival, while there is room for them."""

    def __init__(self, most_rows: int, most_bytes: int) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._rows = self._bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, size: int) -> None:
        """Wait until there is room for a row of `size` bytes, which must not exceed the limit."""
        if not self._waiting and self._has_room(size):
            self._rows, self._bytes = self._rows + 1, self._bytes + size
            return
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, admitted))
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self.leave(size)
            else:
                admitted.cancel()
                self._admit_waiting()
            raise

    def leave(self, size: int) -> None:
        """Free the room of a row of `size` bytes."""
        self._rows, self._bytes = self._rows - 1, self._bytes - size
        self._admit_waiting()

    def _admit_waiting(self) -> None:
        while self._waiting:
            size, admitted = self._waiting[0]
            if not admitted.done():
                if not self._has_room(size):
                    return
                self._rows, self._bytes = self._rows + 1, self._bytes + size
                admitted.set_result(None)
            self._waiting.popleft()

    def _has_room(self, size: int) -> bool:
        return self._rows < self._most_rows and self._bytes + size <= self._most_bytes
