"""Forward: runs a new saga for the request that began it, up to the pivot (the step after which nothing is undone)."""

import asyncio

from chassis.errors import AppError, Internal
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.backward import Backward
from gateway.sagas.definition import Definition, Result, Work, had_no_effect
from gateway.sagas.journal import Journal
from gateway.sagas.notes import Notes, note, note_failure
from gateway.sagas.tails import Tails
from gateway.sagas.tasks import Tasks


class Forward:
    """Executes sagas."""

    def __init__(self, journal: Journal, backward: Backward, tails: Tails, tasks: Tasks) -> None:
        self._journal = journal
        self._backward = backward
        self._tails = tails
        self._tasks = tasks

    async def execute(self, definition: Definition[Work, Result], id: str, work: Work) -> Result:
        """Run a saga up to its pivot and return the pivot's result.

        Raises the error of a failed step; the saga is then undone, now or later. Raises OutcomeUnknown if it is unknown
        whether the pivot took effect. Cancelling the caller does not cancel the saga.
        """
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        # Mark an exception as retrieved: asyncio would log it if the caller has left.
        answer.add_done_callback(asyncio.Future.exception)
        task = self._tasks.start(id, self._run(definition, id, work, answer))
        task.add_done_callback(lambda _: answer.done() or answer.set_exception(Internal()))
        return await asyncio.shield(answer)

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
                note_failure(saga, notes, step.names, error)
                await self._backward.undo(saga, notes, index if had_no_effect(error) else index + 1)
                return
            note(notes, step.names, SagaStep.OUTCOME_DONE)
        try:
            result = await definition.pivot.do(saga.ref, work)
        except Exception as error:
            note_failure(saga, notes, (definition.pivot.name,), error)
            if not had_no_effect(error):
                await self._backward.resolve(saga, notes, answer, error)
                return
            answer.set_exception(error)
            await self._backward.undo(saga, notes, len(definition.steps))
        else:
            answer.set_result(result)
            note(notes, (definition.pivot.name,), SagaStep.OUTCOME_DONE)
            self._tails.watch(saga, notes)
