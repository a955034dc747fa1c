"""Coalescing: while one batch is under way, what arrives waits; when it returns, all that waits goes as the next one.

An idle system sends each item at once, a busy one sends few large batches, and nothing has to be tuned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from chassis.errors import AppError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coalescer(Generic[Item, Result]):
    """Sends items in batches, one batch at a time; each item has a fate of its own.

    `send` returns one result an item, in their order, or raises when it did nothing. A batch that fails of something
    other than absence is halved until the item stands alone of which it fails.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], limit: int = 500) -> None:
        self._send = send
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Send an item with the next batch; one whose caller is cancelled before is left out."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await future

    async def _send_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            await self._send_batch([(item, future) for item, future in batch if not future.done()])

    async def _send_batch(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        try:
            results = await self._send([item for item, _ in batch])
            if len(results) != len(batch):
                raise ValueError(f"{len(results)} results for {len(batch)} items")
        except BaseException as error:
            if len(batch) > 1 and isinstance(error, Exception) and not isinstance(error, AppError):
                await self._send_batch(batch[: len(batch) // 2])
                await self._send_batch(batch[len(batch) // 2 :])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
