"""The table of kills: the scenarios of a creation, each with the points at which its gateway is killed.

A point is the time before or after a journal write or a call. A test fails if a gateway reaches a point that the table
does not list, or if the table lists no kill at a transition of the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from gateway.sagas.transitions import Transition

PREPARE, STORE, DISCARD = "call PrepareSample", "call StoreSample", "call DiscardSample"
FIND, SETTLE, STATES = "call FindByIdempotencyKey", "call SettleSample", "call GetSampleStates"


BEGIN, COMPLETE, UNDONE, UNDO, LATER, PARK, FINISH, TAKE_OVER, RETRY, CANCEL, SET_ASIDE = (
    f"write {transition}"
    for transition in (
        Transition.BEGIN,
        Transition.COMPLETE,
        Transition.UNDONE,
        Transition.UNDO,
        Transition.POSTPONE,
        Transition.PARK,
        Transition.FINISH,
        Transition.TAKE_OVER,
        Transition.RETRY,
        Transition.CANCEL,
        Transition.SET_ASIDE,
    )
)


EVERYWHERE = (TAKE_OVER, SET_ASIDE, UNDONE, "call GetStoredSample", "call GetGrants", "call CheckRevocation")
"""Points that every gateway may reach: each looks for sagas to take over, and the rig calls each until it is ready."""


@dataclass(frozen=True)
class Scenario:
    """One possible course of a creation, with the writes and calls that it makes."""

    name: str
    passes: tuple[str, ...]
    """The writes and calls that the gateway makes."""
    kills: tuple[str, ...]
    """The points in `passes` at which the gateway is killed. Other scenarios cover the rest."""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    consented: bool = True
    barred: bool = False
    """Whether backend_svc refuses the sample."""
    faulty: bool = False
    """Whether undoing the preparation fails until the test removes the fault."""
    slow: bool = False
    """Whether indexing takes six seconds."""
    lose: str = ""
    refusal: str = ""
    """The reason that a live gateway returns to the sender; "" if it returns a sample."""
    foreign: bool = False
    """Whether the gateway does not know the version of the saga's definition."""
    before: str = ""
    """The point at which an earlier gateway was killed. Its saga is the one that this gateway continues."""
    operation: str = ""
    """The operator's call to this gateway; "none" if the gateway continues the saga by itself."""

    @property
    def exclusive(self) -> bool:
        """Whether no other scenario may run at the same time, because the gateway would take over its sagas too."""
        return self.operation == "none"


SUCCEEDS = (FIND, BEGIN, PREPARE, STORE, STATES, COMPLETE)
REFUSED = (FIND, BEGIN, PREPARE, UNDONE)

SCENARIOS = (
    Scenario("succeeds", SUCCEEDS, SUCCEEDS),
    Scenario("refused at validate", REFUSED, REFUSED, consented=False, refusal="CONSENT_REQUIRED"),
    Scenario(
        "refused at anonymise",
        REFUSED,
        (PREPARE, UNDONE),
        fields={"organism": "somebody"},
        refusal="INVALID_REQUEST",
    ),
    Scenario(
        "refused at store",
        (FIND, BEGIN, PREPARE, STORE, DISCARD, UNDONE),
        (PREPARE, STORE, DISCARD, UNDONE),
        barred=True,
        refusal="CONSENT_WITHDRAWN",
    ),
    Scenario(
        "answer of prepare lost",
        (FIND, BEGIN, PREPARE, DISCARD, UNDONE),
        (PREPARE, DISCARD, UNDONE),
        lose="answer PrepareSample",
    ),
    Scenario(
        "answer of store lost",
        (FIND, BEGIN, PREPARE, STORE, SETTLE, STATES, COMPLETE),
        (STORE, SETTLE, STATES, COMPLETE),
        lose="answer StoreSample",
    ),
    Scenario(
        "request of store lost",
        (FIND, BEGIN, PREPARE, STORE, SETTLE, DISCARD, UNDONE),
        (STORE, SETTLE, DISCARD, UNDONE),
        lose="request StoreSample",
    ),
    Scenario(
        "undo fails",
        (FIND, BEGIN, PREPARE, STORE, DISCARD, UNDO, LATER, PARK),
        (UNDO, LATER, PARK),
        barred=True,
        faulty=True,
        refusal="CONSENT_WITHDRAWN",
    ),
    Scenario(
        "index is slow",
        (FIND, BEGIN, PREPARE, STORE, STATES, FINISH, LATER, COMPLETE),
        (FINISH, LATER),
        slow=True,
    ),
    Scenario(
        "taken over",
        (TAKE_OVER, SETTLE, STATES, COMPLETE),
        (TAKE_OVER, SETTLE, COMPLETE),
        before="after call StoreSample",
        operation="none",
    ),
    Scenario(
        "unknown version",
        (SET_ASIDE,),
        (SET_ASIDE,),
        before="after call PrepareSample",
        operation="none",
        foreign=True,
    ),
    Scenario(
        "retried",
        (RETRY, DISCARD, UNDONE),
        (RETRY,),
        barred=True,
        faulty=True,
        refusal="CONSENT_WITHDRAWN",
        before="after write park",
        operation="RetrySaga",
    ),
    Scenario(
        "cancelled",
        (CANCEL, SETTLE, DISCARD, UNDONE),
        (CANCEL,),
        before="after call PrepareSample",
        operation="CancelSaga",
    ),
)


@dataclass(frozen=True)
class Kill:
    """One row of the table: a scenario, and the point at which its gateway is killed."""

    scenario: Scenario
    point: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.point}"


KILLS = [
    Kill(scenario, f"{when} {what}")
    for scenario in SCENARIOS
    for what, when in product(scenario.kills, ("before", "after"))
]
