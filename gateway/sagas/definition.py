"""A saga as a value, which `engine` runs: steps that can be undone, then a pivot, then a tail.

The pivot is the step after which nothing is undone. The tail is the steps that follow the pivot.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chassis.errors import Expired, NotSent, RemoteError
from fairdb.events.v1.event_pb2 import Event
from fairdb.system.v1.saga_service_pb2 import Saga as State

OPEN_STATES = (State.STATE_RUNNING, State.STATE_UNDOING, State.STATE_FINISHING)
"""The states of a saga that has not ended."""

Work = TypeVar("Work")
"""The steps' input, in memory only: a gateway that takes the saga over does not have it."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ref:
    """Identifies a saga in every call that it makes."""

    id: str
    """Also the id of the resource that the saga creates."""
    fencing_token: int
    """Callees refuse a call if they have already seen a newer token of this saga."""


class NoEffect(Exception):
    """Raised by a step that changed nothing, so that it needs no undo."""

    reason = ""
    """The reason that the journal records."""


class OutcomeUnknown(Exception):
    """Raised to the caller when it is unknown whether the saga passed its pivot. The engine will still end the saga."""


@dataclass(frozen=True, slots=True)
class Step(Generic[Work]):
    """One call before the pivot. Call and undo are repeatable; the undo must succeed even if the call never arrived."""

    names: tuple[str, ...]
    """The names of the steps in the journal: one call may perform two steps."""
    do: Callable[[Ref, Work], Awaitable[None]]
    undo: Callable[[Ref], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Pivot(Generic[Work, Result]):
    """The call that makes the effect durable. Before it, a saga can only be undone; after it, only completed."""

    name: str
    do: Callable[[Ref, Work], Awaitable[Result]]
    ask: Callable[[Ref], Awaitable[Result | None]]
    """Return the pivot's result, or None if it had no effect. After None, the callee refuses the pivot for good."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The steps that callees perform on their own after the pivot. The engine only checks that they finish."""

    names: tuple[str, ...]
    progress: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
    """Return, for each id that exists, how many of the tail's steps are done."""
    resume: Callable[[Ref], Awaitable[None]]
    """Start the tail again, because an operator retries the saga."""


@dataclass(frozen=True, slots=True)
class Definition(Generic[Work, Result]):
    """One kind of saga. Increase the version whenever the steps change."""

    name: str
    version: int
    steps: tuple[Step[Work], ...]
    pivot: Pivot[Work, Result]
    tail: Tail
    failed: Callable[["Saga"], Event | None] = field(default=lambda saga: None)
    """Return the event to publish after a saga was undone, or None."""

    @property
    def step_names(self) -> tuple[str, ...]:
        """The names of all steps, in order."""
        before = (name for step in self.steps for name in step.names)
        return (*before, self.pivot.name, *self.tail.names)


@dataclass(slots=True)
class Saga:
    """One saga in progress, as the process that drives it knows it."""

    definition: Definition
    ref: Ref
    actor: str
    correlation_id: str
    traceparent: str
    state: int
    """fairdb.system.v1.Saga.State, except PARKED, which is the next field."""
    parked: bool
    since: float
    """When the saga entered its state, by the event loop's clock."""
    failed_step: str = ""
    reason: str = ""
    """Why the saga is being undone."""
    waiting: str = ""
    """Why the saga cannot continue now."""
    refusals: int = 0
    """Consecutive refusals of the current step; past the pivot, checks that found the tail unfinished."""


def had_no_effect(error: Exception) -> bool:
    """Return whether an error proves that the call had no effect: the callee refused it, or it was never sent."""
    return isinstance(error, RemoteError | NotSent | Expired | NoEffect)
