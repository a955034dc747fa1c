"""Coalescing: items that arrive while a batch is in flight wait, and form the next batch.

At low load each item is sent at once; at high load, few large batches are sent. Nothing needs tuning.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from functools import partial
from typing import Generic, TypeVar

from chassis.errors import AppError

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_IN_FLIGHT = 4
_PATIENCE_SECONDS = 0.05


class Coalescer(Generic[Item, Result]):
    """Sends items in batches; each item succeeds or fails on its own.

    `send` returns one result for each item, in order. It may raise only if it had no effect. After an AppError, the
    whole batch fails. After any other error, the batch is sent again in halves, until the failing item is alone. `send`
    runs outside any caller's context.

    Normally one batch is in flight at a time. If it takes long, further batches start, so that a slow item delays only
    few others.
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
        """Set up. A batch has at most `limit` items and `most_weight` in total; a heavier item is sent alone.

        `linger`: seconds to wait for more items after a batch of several items. `interval`: minimum seconds between the
        starts of two batches, for work that no caller waits for.
        """
        self._send = send
        self._limit = limit
        self._most_weight = most_weight
        self._weigh = weigh
        self._linger = linger
        self._interval = interval
        self._next = float("-inf")
        """When the next batch may start."""
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._in_flight: set[asyncio.Task[None]] = set()
        self._slow: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Send an item with the next batch, unless its caller is cancelled first."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._start()
        return await future

    def cancel(self) -> None:
        """Cancel the batches in flight and the waiting items."""
        waiting, self._waiting = self._waiting, []
        for _, future in waiting:
            future.cancel()
        for task in self._in_flight:
            task.cancel()

    def _start(self) -> None:
        if self._waiting and len(self._in_flight) <= min(len(self._slow), _MOST_IN_FLIGHT - 1):
            loop = asyncio.get_running_loop()
            pause = max(self._next - loop.time(), 0.0)
            task = asyncio.create_task(self._run(pause), context=Context())
            self._in_flight.add(task)
            patience = loop.call_later(_PATIENCE_SECONDS + pause, self._allow_overtaking, task)
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

    def _allow_overtaking(self, task: asyncio.Task[None]) -> None:
        self._slow.add(task)
        self._start()

    def _end(self, patience: asyncio.TimerHandle, task: asyncio.Task[None]) -> None:
        patience.cancel()
        self._in_flight.discard(task)
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
