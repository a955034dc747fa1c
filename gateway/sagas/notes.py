"""Notes: what becomes known of the steps of a saga, for whoever looks at its journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.errors import AppError, Internal
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.definition import NoEffect, Saga, had_no_effect


@dataclass(frozen=True, slots=True)
class StepNote:
    """What became known of a step."""

    outcome: SagaStep.Outcome.ValueType
    time: str
    """ISO 8601."""
    reason: str = ""


Notes = dict[str, StepNote]
"""By the step's name."""


def note(notes: Notes, names: Sequence[str], outcome: SagaStep.Outcome.ValueType, reason: str = "") -> None:
    """Note what steps came to; what is known already keeps its time."""
    time = datetime.now(UTC).isoformat()
    for name in names:
        if name not in notes or notes[name].outcome != outcome:
            notes[name] = StepNote(outcome, time, reason)


def note_failure(saga: Saga, notes: Notes, names: Sequence[str], error: Exception) -> None:
    """Note why a call failed: the first of its names when it did nothing, all of them when that is unknown."""
    saga.failed_step, saga.reason = names[0], reason_of(error)
    if had_no_effect(error):
        note(notes, names[:1], SagaStep.OUTCOME_FAILED, saga.reason)
    else:
        note(notes, names, SagaStep.OUTCOME_UNKNOWN, saga.reason)


def reason_of(error: Exception) -> str:
    """Return the name of an error's reason; what has none is a fault of ours."""
    return error.reason if isinstance(error, AppError | NoEffect) else Internal.reason
