"""Recovery: completes or undoes sagas that no request drives any more, including those of gateways that died."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from fairdb.system.v1.saga_service_pb2 import Saga as State
from gateway.sagas import timing
from gateway.sagas.backward import Backward
from gateway.sagas.definition import Saga
from gateway.sagas.journal import Journal, Known
from gateway.sagas.metrics import SAGAS_OPEN
from gateway.sagas.tails import Tails
from gateway.sagas.tasks import Tasks
from gateway.sagas.ticker import Ticker

log = structlog.get_logger()


class Recovery:
    """Takes over sagas, and resolves or undoes those that are due."""

    def __init__(self, journal: Journal, known: Known, backward: Backward, tails: Tails, tasks: Tasks) -> None:
        self._journal = journal
        self._known = known
        self._backward = backward
        self._tails = tails
        self._tasks = tasks
        self._recovering = 0
        self.ticker = Ticker(self._tick)

    async def _tick(self) -> None:
        await self._take_over()
        await self._recover_due()
        await self._report_open()

    async def _take_over(self) -> None:
        if taken := await self._journal.take_over(self._known):
            log.warning("sagas_taken_over", count=taken)
        if aside := await self._journal.set_aside(self._known):
            log.error("sagas_set_aside", count=aside)

    async def _recover_due(self) -> None:
        free = timing.AT_ONCE - self._recovering
        if free <= 0:
            return
        busy = [*self._tasks.busy(), *self._tails.watched()]
        for saga in await self._journal.due(self._known, busy, free):
            if saga.state == State.STATE_RUNNING:
                unawaited = asyncio.get_running_loop().create_future()
                unawaited.add_done_callback(asyncio.Future.exception)
                self._start(saga, self._backward.resolve(saga, {}, unawaited, None))
            else:
                self._start(saga, self._backward.undo(saga, {}, len(saga.definition.steps)))

    def _start(self, saga: Saga, work: Coroutine[Any, Any, None]) -> None:
        def recovered(_: asyncio.Task[None]) -> None:
            if self._recovering == timing.AT_ONCE:
                # The limit was reached, so more sagas may be due.
                self.ticker.wake()
            self._recovering -= 1

        self._recovering += 1
        self._tasks.start(saga.ref.id, work).add_done_callback(recovered)

    async def _report_open(self) -> None:
        rows = await self._journal.count_open()
        SAGAS_OPEN.clear()
        for definition, _ in self._known:
            for state in ("open", "parked"):
                SAGAS_OPEN.labels(definition, state).set(0)
        for row in rows:
            SAGAS_OPEN.labels(row["definition"], "parked" if row["parked"] else "open").set(row["count"])
