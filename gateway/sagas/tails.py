"""Tails: checks whether the steps after a saga's pivot (its tail) have finished, and then completes the saga."""

import asyncio
from collections.abc import Sequence

import structlog

from chassis import call_context
from chassis.call_context import Call, Caller
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas import timing
from gateway.sagas.definition import Saga
from gateway.sagas.ends import end, park
from gateway.sagas.journal import Journal, Known
from gateway.sagas.notes import Notes, note
from gateway.sagas.ticker import Ticker
from gateway.sagas.timing import Timing
from gateway.sagas.transitions import Change, Transition

log = structlog.get_logger()


class Tails:
    """Checks the tails of this process's sagas, many in one call."""

    def __init__(self, journal: Journal, known: Known, limits: Timing) -> None:
        self._journal = journal
        self._known = known
        self._limits = limits
        self._recent: dict[str, tuple[Saga, Notes]] = {}
        """Sagas that passed their pivot a moment ago: they are checked without a journal read."""
        self.ticker = Ticker(self._tick)

    def watch(self, saga: Saga, notes: Notes) -> None:
        """Check the tail of a saga that has just passed its pivot, from the next tick on."""
        self._recent[saga.ref.id] = saga, notes

    def watched(self) -> list[str]:
        """Return the ids of the sagas that passed their pivot a moment ago."""
        return [*self._recent]

    async def check_recent(self) -> None:
        """Check the tails of sagas that passed their pivot a moment ago."""
        await self._check([saga for saga, _ in self._recent.values()])

    async def _tick(self) -> None:
        await self.check_recent()
        await self._check(await self._journal.tails_due(self._known, timing.TAILS))

    async def _check(self, sagas: Sequence[Saga]) -> None:
        for definition in self._known.values():
            matching = [saga for saga in sagas if saga.definition is definition]
            for start in range(0, len(matching), timing.TAILS):
                batch = matching[start : start + timing.TAILS]
                call_context.enter(Call(caller=Caller(service="gateway")))
                try:
                    progress = await definition.tail.progress([saga.ref.id for saga in batch])
                except Exception as error:
                    log.info("tails_not_checked", count=len(batch), error=error)
                    await asyncio.gather(*(self._record(saga, None) for saga in batch))
                else:
                    await asyncio.gather(*(self._record(saga, progress.get(saga.ref.id, 0)) for saga in batch))

    async def _record(self, saga: Saga, done: int | None) -> None:
        """Record how many steps of a tail are done; None if the callee did not answer."""
        names = saga.definition.tail.names
        _, notes = self._recent.get(saga.ref.id, (saga, Notes()))
        note(notes, names[:done] if done else (), SagaStep.OUTCOME_DONE)
        age = asyncio.get_running_loop().time() - saga.since
        if done == len(names):
            self._recent.pop(saga.ref.id, None)
            saga.state, saga.parked, saga.waiting = State.STATE_DONE, False, ""
            await end(self._journal, Change(Transition.COMPLETE, saga, notes), "done")
        elif saga.state == State.STATE_RUNNING:
            if age > timing.QUICK_SECONDS:
                self._recent.pop(saga.ref.id, None)
                saga.state = State.STATE_FINISHING
                await self._journal.write(Change(Transition.FINISH, saga, notes, due_in=timing.TAIL_CHECK_SECONDS))
        else:
            saga.refusals += done is not None
            if age > self._limits.tail_overdue and saga.refusals >= timing.LOOKS and not saga.parked:
                saga.waiting = f"{names[done or 0]}: OVERDUE"
                await park(self._journal, saga, notes)
                return
            pause = min(max(age, timing.TAIL_CHECK_SECONDS), timing.LONGEST_BACKOFF)
            await self._journal.write(Change(Transition.POSTPONE, saga, notes, due_in=pause))
