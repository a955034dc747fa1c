"""What a saga is: steps with their undo, a pivot, and a tail. A value; `engine` runs it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chassis.errors import Expired, NotSent, RemoteError
from fairdb.events.v1.event_pb2 import Event

Work = TypeVar("Work")
"""What the steps work on, in memory only: whoever takes a saga over does not have it."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ref:
    """What every call of a saga carries: the id of what it creates, and the token of the lease it is driven under."""

    id: str
    fencing_token: int


class NoEffect(Exception):
    """A step says that it did nothing, and needs no undo."""

    reason = ""
    """What the journal says of it."""


@dataclass(frozen=True, slots=True)
class Step(Generic[Work]):
    """One call before the pivot. Repeatable, and so is its undo, which must also bear that the call never came."""

    names: tuple[str, ...]
    """What the call does, as the journal shows it: one call may do what a reader knows as two steps."""
    do: Callable[[Ref, Work], Awaitable[None]]
    undo: Callable[[Ref], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Pivot(Generic[Work, Result]):
    """The call that makes the effect durable: before it a saga can only be undone, after it only go on."""

    name: str
    do: Callable[[Ref, Work], Awaitable[Result]]
    ask: Callable[[Ref], Awaitable[Result | None]]
    """Say for good whether it took effect: after None, it never will."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the pivot by itself: the engine watches that it comes to its end."""

    names: tuple[str, ...]
    progress: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]]
    """Return how many of the names are done, for each id that exists."""
    resume: Callable[[Ref], Awaitable[None]]
    """Set it going again, when an operator says so."""


@dataclass(frozen=True, slots=True)
class Definition(Generic[Work, Result]):
    """One kind of saga. Change what its steps are, and its version changes."""

    name: str
    version: int
    steps: tuple[Step[Work], ...]
    pivot: Pivot[Work, Result]
    tail: Tail
    failed: Callable[["Saga"], Event | None] = field(default=lambda saga: None)
    """Return the event that tells of a saga that was undone."""

    @property
    def step_names(self) -> tuple[str, ...]:
        """Every step's name, in order."""
        before = (name for step in self.steps for name in step.names)
        return (*before, self.pivot.name, *self.tail.names)


@dataclass(slots=True)
class Saga:
    """One saga under way, as its driver knows it."""

    definition: Definition
    ref: Ref
    actor: str
    correlation_id: str
    traceparent: str
    state: int
    """fairdb.system.v1.Saga.State; never PARKED."""
    parked: bool
    since: float
    """When it entered the state, by the event loop's clock."""
    failed_step: str = ""
    reason: str = ""
    """Why it is undone."""
    waiting: str = ""
    """What keeps it from going on."""
    refusals: int = 0
    """How often in a row its present step was refused, or past the pivot was looked at and not done yet."""


def had_no_effect(error: Exception) -> bool:
    """Tell a callee's refusal, and a call that was never sent, from an error that leaves open what happened."""
    return isinstance(error, RemoteError | NotSent | Expired | NoEffect)
