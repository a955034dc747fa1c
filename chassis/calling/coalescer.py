"""Coalescing: while one batch is under way, what arrives waits; when it returns, all that waits goes as the next one.

An idle system sends each item at once, a busy one sends few large batches, and nothing has to be tuned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from functools import partial
from typing import Generic, TypeVar

from chassis.errors import AppError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 4
_PATIENCE_SECONDS = 0.05


class Coalescer(Generic[Item, Result]):
    """Sends items in batches; each item has a fate of its own.

    `send` returns one result an item, in their order, or raises when it did nothing. A batch that fails of something
    other than absence is halved until the item stands alone of which it fails. It runs in no caller's context.

    One batch is under way at a time, and others beside it only when it takes long: one slow item holds up few.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        limit: int = 500,
        *,
        most_weight: int = 0,
        weigh: Callable[[Item], int] = lambda _: 0,
        linger: float = 0.0,
        interval: float = 0.0,
    ) -> None:
        """Set up. `limit`, `most_weight`: of one batch; an item that is heavier goes alone.

        `linger`: seconds to wait for company between batches, once batches form by themselves. `interval`: seconds from
        the beginning of one batch to that of the next, for work that nobody waits for; the first goes at once.
        """
        self._send = send
        self._limit = limit
        self._most_weight = most_weight
        self._weigh = weigh
        self._linger = linger
        self._interval = interval
        self._next = float("-inf")
        """When a batch may begin."""
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._slow: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Send an item with the next batch; one whose caller is cancelled before is left out."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        return await future

    def cancel(self) -> None:
        """End what is under way, and what waits with it."""
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.cancel()
        for task in self._under_way:
            task.cancel()

    def _start(self) -> None:
        if self._waiting and len(self._under_way) <= min(len(self._slow), _AT_ONCE - 1):
            loop = asyncio.get_running_loop()
            pause = max(self._next - loop.time(), 0.0)
            task = asyncio.create_task(self._run(pause), context=Context())
            self._under_way.add(task)
            patience = loop.call_later(_PATIENCE_SECONDS + pause, self._go_beside, task)
            task.add_done_callback(partial(self._end, patience))

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        weight = count = 0
        for item, _ in self._waiting[: self._limit]:
            weight += self._weigh(item)
            if count and weight > self._most_weight:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return [(item, future) for item, future in batch if not future.done()]

    def _go_beside(self, task: asyncio.Task[None]) -> None:
        self._slow.add(task)
        self._start()

    def _end(self, patience: asyncio.TimerHandle, task: asyncio.Task[None]) -> None:
        patience.cancel()
        self._under_way.discard(task)
        self._slow.discard(task)
        self._start()

    async def _run(self, pause: float) -> None:
        if pause:
            await asyncio.sleep(pause)
        batch = self._take()
        if batch:
            self._next = asyncio.get_running_loop().time() + self._interval
            await self._send_batch(batch)
        if self._linger and len(batch) > 1 and len(self._waiting) < len(batch):
            await asyncio.sleep(self._linger)

    async def _send_batch(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
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
