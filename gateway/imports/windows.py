"""Windows of rows: the rows of an import that are processed together, in random order.

Times and events follow the order in which rows are processed. If that were the order of the file, they would tell who
stands next to whom in it. To outsiders, all rows appear at once: see backend_svc/embargo.py.
"""

import asyncio
from collections.abc import AsyncIterator
from random import SystemRandom

from chassis.tasks import cancel
from gateway.imports.rows import Item, Row

_MOST_ROWS = 1000
_MOST_BYTES = 2 * 1024 * 1024
"""Limits of a window: one is filled while the other is processed."""
_PAUSE_SECONDS = 0.05
"""A window ends when the sender pauses for so long, because an interactive sender waits for the answer."""

_random = SystemRandom()


def shuffled(count: int) -> list[int]:
    """Return the numbers below a count in random order."""
    order = list(range(count))
    _random.shuffle(order)
    return order


class Windows:
    """Collects items into windows, while the caller processes the window before."""

    def __init__(self, items: AsyncIterator[Item]) -> None:
        self._items = items
        self._window: list[Item] = []
        self._size = 0
        self._begun, self._full, self._taken = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._error: Exception | None = None
        self._ended = False
        self._filling = asyncio.create_task(self._fill())

    async def take(self) -> list[Item]:
        """Return the items of the next window, none at the end. Raises the errors of the items, after those before."""
        await self._begun.wait()
        count = -1
        while not self._full.is_set() and count < len(self._window):
            count = len(self._window)
            try:
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._full.wait()
            except TimeoutError:
                continue
        window, self._window, self._size = self._window, [], 0
        if not self._ended:
            self._begun.clear()
            self._full.clear()
        self._taken.set()
        if not window and self._error is not None:
            raise self._error
        return window

    async def close(self) -> None:
        """Stop collecting."""
        await cancel(self._filling)

    async def _fill(self) -> None:
        try:
            async for item in self._items:
                while self._full.is_set():
                    self._taken.clear()
                    await self._taken.wait()
                self._window.append(item)
                self._size += _size_of(item)
                self._begun.set()
                if len(self._window) >= _MOST_ROWS or self._size >= _MOST_BYTES:
                    self._full.set()
        except Exception as error:
            self._error = error
        self._ended = True
        self._begun.set()
        self._full.set()


def _size_of(item: Item) -> int:
    return item.size if isinstance(item, Row) else 0
