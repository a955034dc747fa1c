"""Notes: the outcomes of a saga's steps, as the journal shows them to operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.errors import AppError, Internal
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.definition import NoEffect, Saga, had_no_effect


@dataclass(frozen=True, slots=True)
class StepNote:
    """The known outcome of one step."""

    outcome: SagaStep.Outcome.ValueType
    time: str
    """ISO 8601."""
    reason: str = ""


Notes = dict[str, StepNote]
"""The notes of a saga, by step name."""


def note(notes: Notes, names: Sequence[str], outcome: SagaStep.Outcome.ValueType, reason: str = "") -> None:
    """Record the outcome of steps. A step that already has this outcome keeps its time."""
    time = datetime.now(UTC).isoformat()
    for name in names:
        if name not in notes or notes[name].outcome != outcome:
            notes[name] = StepNote(outcome, time, reason)


def note_failure(saga: Saga, notes: Notes, names: Sequence[str], error: Exception) -> None:
    """Record why a call failed.

    If the call certainly had no effect, its first step failed. Otherwise the outcome of all its steps is unknown.
    """
    saga.failed_step, saga.reason = names[0], reason_of(error)
    if had_no_effect(error):
        note(notes, names[:1], SagaStep.OUTCOME_FAILED, saga.reason)
    else:
        note(notes, names, SagaStep.OUTCOME_UNKNOWN, saga.reason)


def reason_of(error: Exception) -> str:
    """Return an error's reason; INTERNAL for an error without one."""
    return error.reason if isinstance(error, AppError | NoEffect) else Internal.reason
