"""Runs sagas: forward for whoever asks, and to an end for those that nobody waits for any more.

A saga's first run is driven by the request that began it. Whatever interrupts that (a refusal, a lost answer, the death
of this process) leaves a row in the journal that comes due, here or in another gateway, and is driven to its end from
there: by asking whether the pivot took effect, and then by undoing, or by watching the tail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import structlog

from chassis import call_context
from chassis.backoff import jitter
from chassis.call_context import Call, Caller
from chassis.errors import AppError, DeadlineExceeded, Internal, ServiceUnavailable
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas import timing
from gateway.sagas.definition import Definition, Result, Saga, Work, had_no_effect
from gateway.sagas.journal import Change, Journal, Transition
from gateway.sagas.metrics import SAGAS, SAGAS_OPEN
from gateway.sagas.notes import Notes, note, note_failure, reason_of
from gateway.sagas.timing import Timing

log = structlog.get_logger()

ABANDONED = "ABANDONED"
"""Why a saga is undone whose gateway died: what it would have said died with it."""


class OutcomeUnknown(Exception):
    """Nobody could be asked yet whether a saga reached its pivot. It will be driven to its end."""


class Engine:
    """Drives the sagas of this process."""

    def __init__(self, journal: Journal, definitions: Sequence[Definition], limits: Timing) -> None:
        self._journal = journal
        self._limits = limits
        self.known = {(definition.name, definition.version): definition for definition in definitions}
        self._driven: set[str] = set()
        """What a task of this process works on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering = 0
        self._passed: dict[str, tuple[Saga, Notes]] = {}
        """Past their pivot a moment ago: the next tick looks at them, without the journal."""
        self._wakes = (asyncio.Event(), asyncio.Event())
        self._held: dict[str, float] = {}
        """What broke here, and until when it rests."""
        self._started = float("inf")

    async def execute(self, definition: Definition[Work, Result], id: str, work: Work) -> Result:
        """Run a saga up to its pivot and return what that gave.

        Raises OutcomeUnknown, or why the saga failed: then it is undone, at once or later. Whoever is cancelled does
        not cancel the saga.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(asyncio.Future.exception)  # also when nobody waits for it any more
        task = self._drive(id, self._run(definition, id, work, answer))
        task.add_done_callback(lambda _: answer.done() or answer.set_exception(Internal()))
        return await asyncio.shield(answer)

    def wake(self) -> None:
        """Look at what is due now, not in the next second."""
        for wake in self._wakes:
            wake.set()

    async def keep_lease(self) -> None:
        """Keep what this process drives from being taken over, until cancelled."""
        interval = self._journal.lease_seconds / 4
        try:
            while True:
                try:
                    # A connection that hangs must not cost the lease.
                    async with asyncio.timeout(self._journal.lease_seconds / 2):
                        await self._journal.keep_lease()
                except (ServiceUnavailable, TimeoutError) as error:
                    log.info("lease_waits", error=type(error).__name__)
                await asyncio.sleep(interval)
        except asyncio.CancelledError:
            with suppress(AppError):
                await self._journal.end_lease()
            raise

    async def run(self) -> None:
        """Take over, and drive what is due, until cancelled; what is being driven then is let come to its end."""
        await self._journal.leased()
        self._started = asyncio.get_running_loop().time()
        tending = asyncio.create_task(self._repeat(self._tend_due, self._wakes[0]))
        try:
            await self._repeat(self._recover_due, self._wakes[1])
        finally:
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)
            # Callees answer within seconds. What is not over then, the journal hands to another gateway.
            if self._tasks:
                await asyncio.wait(self._tasks)
            with suppress(AppError):
                await self._tend([saga for saga, _ in self._passed.values()])

    async def _repeat(self, work: Callable[[], Awaitable[None]], wake: asyncio.Event) -> None:
        """Do work each second, sooner when woken, whatever becomes of it."""
        while True:
            wake.clear()
            try:
                await work()
            except ServiceUnavailable as error:
                log.info("sagas_wait", error=type(error).__name__)
            except Exception as error:
                log.error("sagas_broke", error=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(timing.TICK_SECONDS):
                    await wake.wait()

    async def _run(
        self, definition: Definition[Work, Result], id: str, work: Work, answer: asyncio.Future[Result]
    ) -> None:
        try:
            saga = await self._journal.begin(definition, id)
        except AppError as error:
            answer.set_exception(error)
            return
        notes: Notes = {}
        for index, step in enumerate(definition.steps):
            try:
                await step.do(saga.ref, work)
            except Exception as error:
                answer.set_exception(error)
                without_effect = had_no_effect(error)
                note_failure(saga, notes, step.names, error)
                await self._undo(saga, notes, index if without_effect else index + 1)
                return
            note(notes, step.names, SagaStep.OUTCOME_DONE)
        try:
            result = await definition.pivot.do(saga.ref, work)
        except Exception as error:
            note_failure(saga, notes, (definition.pivot.name,), error)
            if not had_no_effect(error):
                await self._resolve(saga, notes, answer, error)
                return
            answer.set_exception(error)
            await self._undo(saga, notes, len(definition.steps))
        else:
            answer.set_result(result)
            note(notes, (definition.pivot.name,), SagaStep.OUTCOME_DONE)
            self._passed[id] = saga, notes

    async def _resolve(
        self,
        saga: Saga,
        notes: Notes,
        answer: asyncio.Future[Any] | None = None,
        error: Exception | None = None,
    ) -> None:
        """Ask whether the pivot took effect, and go on from there."""
        _leave_request(saga)
        definition = saga.definition
        try:
            result = await definition.pivot.ask(saga.ref)
        except Exception as unanswered:
            if answer is not None:
                answer.set_exception(OutcomeUnknown())
            await self._try_later(saga, notes, definition.pivot.name, unanswered)
            return
        if result is None:
            if answer is not None and error is not None:
                answer.set_exception(error)
            note(notes, (definition.pivot.name,), SagaStep.OUTCOME_FAILED, saga.reason or ABANDONED)
            await self._undo(saga, notes, len(definition.steps))
            return
        if answer is not None:
            answer.set_result(result)
        saga.failed_step = saga.reason = saga.waiting = ""
        note(notes, definition.step_names[: -len(definition.tail.names)], SagaStep.OUTCOME_DONE)
        self._passed[saga.ref.id] = saga, notes
        self.wake()

    async def _undo(self, saga: Saga, notes: Notes, count: int) -> None:
        """Undo the first `count` steps, the last one first."""
        _leave_request(saga)
        for step in reversed(saga.definition.steps[:count]):
            if step.undo is None:
                continue
            try:
                await step.undo(saga.ref)
            except Exception as error:
                await self._try_later(saga, notes, step.names[-1], error, undoing=True)
                return
            note(notes, step.names, SagaStep.OUTCOME_UNDONE)
        saga.state = State.STATE_UNDONE
        saga.reason, saga.waiting = saga.reason or ABANDONED, ""
        await self._end(Change(Transition.UNDONE, saga, notes, event=saga.definition.failed(saga)), "undone")

    async def _try_later(self, saga: Saga, notes: Notes, step: str, error: Exception, *, undoing: bool = False) -> None:
        """Put off what failed, longer each time; park it when waiting does not help."""
        away = isinstance(error, ServiceUnavailable | DeadlineExceeded)
        saga.refusals = 0 if away else saga.refusals + 1
        reason = reason_of(error)
        note(notes, (step,), SagaStep.OUTCOME_UNKNOWN, reason)
        transition = Transition.POSTPONE
        if undoing and saga.state != State.STATE_UNDOING:
            transition, saga.state = Transition.UNDO, State.STATE_UNDOING
        now = asyncio.get_running_loop().time()
        saga.waiting = f"{step}: {reason}"
        if saga.refusals >= self._limits.refusals or now - max(saga.since, self._started) > self._limits.overdue:
            await self._park(saga, notes)
            return
        pause = jitter(min(max(now - saga.since, self._limits.first_backoff), timing.LONGEST_BACKOFF))
        log.warning("saga_waits", saga=saga.ref.id, step=step, reason=reason, pause=round(pause, 1), error=error)
        if not await self._journal.write(Change(transition, saga, notes, due_in=pause)):
            log.warning("saga_lost", saga=saga.ref.id)

    async def _park(self, saga: Saga, notes: Notes) -> None:
        saga.parked = True
        log.error("saga_parked", saga=saga.ref.id, waiting=saga.waiting)
        await self._end(Change(Transition.PARK, saga, notes, due_in=timing.LONGEST_BACKOFF), "parked")

    async def _end(self, change: Change, outcome: str) -> None:
        if await self._journal.write(change):
            SAGAS.labels(change.saga.definition.name, outcome).inc()

    async def _recover_due(self) -> None:
        """Take over what nobody drives, and resolve or undo what is due."""
        if taken := await self._journal.take_over(self.known):
            log.warning("sagas_taken_over", count=taken)
        if aside := await self._journal.set_aside(self.known):
            log.error("sagas_set_aside", count=aside)
        now = asyncio.get_running_loop().time()
        self._held = {id: until for id, until in self._held.items() if until > now}
        if (free := timing.AT_ONCE - self._recovering) > 0:
            busy = [*self._driven, *self._passed, *self._held]
            for saga in await self._journal.due(self.known, busy, free):
                if saga.state == State.STATE_RUNNING:
                    self._recover(saga, self._resolve(saga, {}))
                else:
                    self._recover(saga, self._undo(saga, {}, len(saga.definition.steps)))
        rows = await self._journal.count_open()
        SAGAS_OPEN.clear()
        for definition, _ in self.known:
            for state in ("open", "parked"):
                SAGAS_OPEN.labels(definition, state).set(0)
        for row in rows:
            SAGAS_OPEN.labels(row["definition"], "parked" if row["parked"] else "open").set(row["count"])

    async def _tend_due(self) -> None:
        """Look at tails: those that began a moment ago, and those in the journal whose time has come."""
        await self._tend([saga for saga, _ in self._passed.values()])
        await self._tend(await self._journal.tails_due(self.known, timing.TAILS))

    async def _tend(self, sagas: Sequence[Saga]) -> None:
        for definition in self.known.values():
            of_it = [saga for saga in sagas if saga.definition is definition]
            for start in range(0, len(of_it), timing.TAILS):
                batch = of_it[start : start + timing.TAILS]
                call_context.enter(Call(caller=Caller(service="gateway")))
                try:
                    progress = await definition.tail.progress([saga.ref.id for saga in batch])
                except Exception as error:
                    log.info("tails_wait", count=len(batch), error=error)
                    await asyncio.gather(*(self._tend_one(saga, None) for saga in batch))
                else:
                    await asyncio.gather(*(self._tend_one(saga, progress.get(saga.ref.id, 0)) for saga in batch))

    async def _tend_one(self, saga: Saga, done: int | None) -> None:
        """Note of a tail how many of its steps are done, None when nobody could be asked."""
        names = saga.definition.tail.names
        _, notes = self._passed.get(saga.ref.id, (saga, Notes()))
        note(notes, names[:done] if done else (), SagaStep.OUTCOME_DONE)
        age = asyncio.get_running_loop().time() - saga.since
        if done == len(names):
            self._passed.pop(saga.ref.id, None)
            saga.state, saga.parked, saga.waiting = State.STATE_DONE, False, ""
            await self._end(Change(Transition.COMPLETE, saga, notes), "done")
        elif saga.state == State.STATE_RUNNING:
            if age > timing.QUICK_SECONDS:
                self._passed.pop(saga.ref.id, None)
                saga.state = State.STATE_FINISHING
                await self._journal.write(Change(Transition.FINISH, saga, notes, due_in=timing.TAIL_CHECK_SECONDS))
        else:
            saga.refusals += done is not None
            if age > self._limits.tail_overdue and saga.refusals >= timing.LOOKS and not saga.parked:
                saga.waiting = f"{names[done or 0]}: OVERDUE"
                await self._park(saga, notes)
                return
            pause = min(max(age, timing.TAIL_CHECK_SECONDS), timing.LONGEST_BACKOFF)
            await self._journal.write(Change(Transition.POSTPONE, saga, notes, due_in=pause))

    def _recover(self, saga: Saga, work: Coroutine[Any, Any, None]) -> None:
        def recovered(_: asyncio.Task[None]) -> None:
            if self._recovering == timing.AT_ONCE:
                self.wake()  # there may be more than are driven at once
            self._recovering -= 1

        self._recovering += 1
        self._drive(saga.ref.id, work).add_done_callback(recovered)

    def _drive(self, id: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def logged() -> None:
            try:
                await work
            except Exception as error:
                # The journal has it as it was before: it comes due again.
                self._held[id] = asyncio.get_running_loop().time() + timing.HOLD_SECONDS
                log.error("saga_broke", saga=id, error=error)
            finally:
                self._driven.discard(id)

        self._driven.add(id)
        task = asyncio.create_task(logged())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _leave_request(saga: Saga) -> None:
    """Go on as the gateway itself: the request that began the saga may be over, and its deadline with it."""
    call_context.enter(
        Call(correlation_id=saga.correlation_id, traceparent=saga.traceparent, caller=Caller(service="gateway"))
    )
