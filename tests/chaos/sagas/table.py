"""The table of kills: every write of the journal and every call, in each way that a creation can go.

What a gateway comes by that no row names, and a transition of the journal that is in no row, fail a test.
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
"""What any gateway may come by: it looks what there is to take over, and is asked before it knows where others are, and
again when it has answered."""


@dataclass(frozen=True)
class Scenario:
    """One way that a creation goes, and what it comes by."""

    name: str
    passes: tuple[str, ...]
    kills: tuple[str, ...]
    """Those of `passes` at which it is killed here; at the others, another scenario is."""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    consented: bool = True
    barred: bool = False
    """Whether backend_svc refuses it."""
    faulty: bool = False
    """Whether undoing its preparation fails, until it is mended."""
    slow: bool = False
    """Whether indexing takes six seconds."""
    lose: str = ""
    refusal: str = ""
    """The reason that its sender gets from a gateway that lives; "" for a sample."""
    foreign: bool = False
    """Whether its definition is of a version that this gateway does not know."""
    before: str = ""
    """Where another gateway was killed before, so that this one finds its saga."""
    operation: str = ""
    """What an operator asks of this gateway then, "none" when it goes on by itself."""

    @property
    def alone(self) -> bool:
        """Whether it is about what a gateway does with whatever it finds, so that no other may be there."""
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
        fields={"collection_date": "someday"},
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
        "of a version that nobody knows",
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
    """One row: a scenario, and where its gateway dies."""

    scenario: Scenario
    point: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.point}"


KILLS = [
    Kill(scenario, f"{when} {what}")
    for scenario in SCENARIOS
    for what, when in product(scenario.kills, ("before", "after"))
]
