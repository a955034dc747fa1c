"""Backward: ends an interrupted saga.

It asks whether the saga's pivot (the step after which nothing is undone) took effect. If not, it undoes the steps.
"""

import asyncio
from typing import Any

import structlog

from chassis import call_context
from chassis.backoff import jitter
from chassis.call_context import Call, Caller
from chassis.errors import DeadlineExceeded, ServiceUnavailable
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas import timing
from gateway.sagas.definition import OutcomeUnknown, Saga
from gateway.sagas.ends import end, park
from gateway.sagas.journal import Journal
from gateway.sagas.notes import Notes, note, reason_of
from gateway.sagas.tails import Tails
from gateway.sagas.timing import Timing
from gateway.sagas.transitions import Change, Transition

log = structlog.get_logger()

ABANDONED = "ABANDONED"
"""The reason recorded for a saga that is undone because its gateway died during the request."""


class Backward:
    """Resolves and undoes sagas, and retries failed attempts later."""

    def __init__(self, journal: Journal, tails: Tails, limits: Timing) -> None:
        self._journal = journal
        self._tails = tails
        self._limits = limits
        self._started = float("inf")

    def start_clock(self) -> None:
        """Count from now on how long sagas are overdue, because this process could not drive them before."""
        # Only the first time: recovery that keeps failing and starting must not put off the end of overdue sagas.
        self._started = min(self._started, asyncio.get_running_loop().time())

    async def resolve(self, saga: Saga, notes: Notes, answer: asyncio.Future[Any], error: Exception | None) -> None:
        """Ask whether the pivot took effect. If it did, watch the tail; otherwise undo all steps.

        `answer` receives the pivot's result, OutcomeUnknown if the callee does not answer, or `error` if the pivot had
        no effect. During recovery `error` is None, because no request waits for `answer`.
        """
        _leave_request(saga)
        definition = saga.definition
        try:
            result = await definition.pivot.ask(saga.ref)
        except Exception as unanswered:
            answer.set_exception(OutcomeUnknown())
            await self._postpone(saga, notes, definition.pivot.name, unanswered)
            return
        if result is None:
            answer.set_exception(error or OutcomeUnknown())
            note(notes, (definition.pivot.name,), SagaStep.OUTCOME_FAILED, saga.reason or ABANDONED)
            await self.undo(saga, notes, len(definition.steps))
            return
        answer.set_result(result)
        saga.failed_step = saga.reason = saga.waiting = ""
        note(notes, definition.step_names[: -len(definition.tail.names)], SagaStep.OUTCOME_DONE)
        self._tails.watch(saga, notes)
        self._tails.ticker.wake()

    async def undo(self, saga: Saga, notes: Notes, count: int) -> None:
        """Undo the first `count` steps, the last one first."""
        _leave_request(saga)
        for step in reversed(saga.definition.steps[:count]):
            if step.undo is None:
                continue
            try:
                await step.undo(saga.ref)
            except Exception as error:
                await self._postpone(saga, notes, step.names[-1], error, undoing=True)
                return
            note(notes, step.names, SagaStep.OUTCOME_UNDONE)
        saga.state = State.STATE_UNDONE
        saga.reason, saga.waiting = saga.reason or ABANDONED, ""
        await end(self._journal, Change(Transition.UNDONE, saga, notes, event=saga.definition.failed(saga)), "undone")

    async def _postpone(self, saga: Saga, notes: Notes, step: str, error: Exception, *, undoing: bool = False) -> None:
        """Retry a failed step after a growing pause; once a limit is reached, park the saga for an operator."""
        unavailable = isinstance(error, ServiceUnavailable | DeadlineExceeded)
        saga.refusals = 0 if unavailable else saga.refusals + 1
        reason = reason_of(error)
        note(notes, (step,), SagaStep.OUTCOME_UNKNOWN, reason)
        transition = Transition.POSTPONE
        if undoing and saga.state != State.STATE_UNDOING:
            transition, saga.state = Transition.UNDO, State.STATE_UNDOING
        now = asyncio.get_running_loop().time()
        saga.waiting = f"{step}: {reason}"
        if saga.refusals >= self._limits.refusals or now - max(saga.since, self._started) > self._limits.overdue:
            await park(self._journal, saga, notes)
            return
        pause = jitter(min(max(now - saga.since, self._limits.first_backoff), timing.LONGEST_BACKOFF))
        log.warning("saga_postponed", saga=saga.ref.id, step=step, reason=reason, pause=round(pause, 1), error=error)
        if not await self._journal.write(Change(transition, saga, notes, due_in=pause)):
            log.warning("saga_driven_elsewhere", saga=saga.ref.id)


def _leave_request(saga: Saga) -> None:
    """Make the gateway itself the caller, because the saga's request may have ended or its deadline passed."""
    call_context.enter(
        Call(correlation_id=saga.correlation_id, traceparent=saga.traceparent, caller=Caller(service="gateway"))
    )
