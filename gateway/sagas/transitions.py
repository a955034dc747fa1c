"""Transitions of a saga's journal entry, and the rows that the journal's statements take."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from fairdb.events.v1.event_pb2 import Event
from gateway.sagas.definition import Saga
from gateway.sagas.notes import Notes


class Transition(StrEnum):
    """Every way in which a saga's journal entry changes."""

    BEGIN = "begin"
    FINISH = "finish"
    """The saga has passed its pivot, and its tail takes longer than usual."""
    COMPLETE = "complete"
    UNDO = "undo"
    """An undo failed and will be tried again."""
    UNDONE = "undone"
    POSTPONE = "postpone"
    PARK = "park"
    SET_ASIDE = "set aside"
    """Parked because no gateway has known its definition for ten minutes."""
    TAKE_OVER = "take over"
    RETRY = "retry"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of one saga. `saga` already has its new state."""

    transition: Transition
    saga: Saga
    steps: Notes
    due_in: float = 0.0
    """Seconds until the saga falls due again."""
    event: Event | None = None


class NewSaga(NamedTuple):
    """A saga to insert: the columns of queries.BEGIN, in order."""

    id: UUID
    definition: str
    version: int
    actor: str
    correlation_id: str
    traceparent: str

    @classmethod
    def of(cls, saga: Saga) -> "NewSaga":
        return cls(
            id=UUID(saga.ref.id),
            definition=saga.definition.name,
            version=saga.definition.version,
            actor=saga.actor,
            correlation_id=saga.correlation_id,
            traceparent=saga.traceparent,
        )


class ChangedSaga(NamedTuple):
    """A saga to update: the columns of queries.WRITE, in order."""

    id: UUID
    fencing_token: int
    state: int
    parked: bool
    failed_step: str
    reason: str
    waiting: str
    refusals: int
    steps: str
    due_in: float
    event_id: UUID | None
    type: str | None
    event: bytes | None

    @classmethod
    def of(cls, change: Change) -> "ChangedSaga":
        saga, event = change.saga, change.event
        return cls(
            id=UUID(saga.ref.id),
            fencing_token=saga.ref.fencing_token,
            state=saga.state,
            parked=saga.parked,
            failed_step=saga.failed_step,
            reason=saga.reason,
            waiting=saga.waiting,
            refusals=saga.refusals,
            steps=_to_json(change.steps),
            due_in=change.due_in,
            event_id=UUID(event.id) if event else None,
            type=event.type if event else None,
            event=event.SerializeToString() if event else None,
        )


def _to_json(steps: Notes) -> str:
    notes = {name: {"outcome": note.outcome, "time": note.time, "reason": note.reason} for name, note in steps.items()}
    return json.dumps(notes)
