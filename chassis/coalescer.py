"""Coalescing: while one batch is under way, what arrives waits; when it returns, all that waits goes as the next one.

An idle system sends each item at once, a busy one sends few large batches, and nothing has to be tuned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coalescer(Generic[Item, Result]):
    """Sends items in batches, one batch at a time; each item gets its own result.

    `send` returns one result an item, in their order. What it raises is raised to every item of that batch.
    """

    def __init__(self, send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], limit: int = 500) -> None:
        self._send = send
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Send an item with the next batch. A caller who is cancelled leaves its item in the batch."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await future

    async def _send_all(self) -> None:
        while batch := self._waiting[: self._limit]:
            del self._waiting[: self._limit]
            try:
                results = await self._send([item for item, _ in batch])
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
