"""The engine: given an answer of a callee, expect the next call, and what the journal is told."""

import asyncio
from typing import Any

import pytest

from chassis import errors
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.definition import OutcomeUnknown
from tests.unit.gateway.sagas import (
    AWAY,
    LOST,
    REFUSED,
    TAKEN_OVER,
    MemoryJournal,
    Script,
    engine_of,
    new_saga,
    settle,
)
from tests.waiting import eventually

FORWARD = ["a", "free", "b", "pivot"]
NAMES: dict[int, str] = {number: name.removeprefix("OUTCOME_") for name, number in SagaStep.Outcome.items()}


async def run(script: Script, **timing: Any) -> tuple[Any, MemoryJournal]:
    """Run a saga to its end; return what its caller got, and the journal."""
    journal = MemoryJournal()
    engine = engine_of(journal, script.definition, **timing)
    try:
        answer: Any = await engine.execute(script.definition, "1", "work")
    except Exception as error:
        answer = error
    await settle(engine)
    return answer, journal


def outcomes(journal: MemoryJournal) -> dict[str, str]:
    return {name: NAMES[note.outcome] for name, note in journal.changes[-1].steps.items()}


async def test_a_saga_that_succeeds_is_written_twice() -> None:
    script = Script()
    answer, journal = await run(script)
    assert answer == "work"
    assert script.calls == [*FORWARD, "progress"]
    assert journal.written == [("begin", "RUNNING", ""), ("complete", "DONE", "")]
    assert outcomes(journal) == dict.fromkeys(("a1", "a2", "free", "b", "pivot", "x", "y"), "DONE")


@pytest.mark.parametrize(
    ("failing", "error", "expected", "why"),
    [
        ("a", REFUSED, ["a"], "SAMPLE_NOT_FOUND"),
        ("a", errors.NotSent(), ["a"], "SERVICE_UNAVAILABLE"),
        ("a", LOST, ["a", "undo a"], "DEADLINE_EXCEEDED"),
        ("a", AWAY, ["a", "undo a"], "SERVICE_UNAVAILABLE"),
        ("free", REFUSED, ["a", "free", "undo a"], "SAMPLE_NOT_FOUND"),
        ("b", REFUSED, ["a", "free", "b", "undo a"], "SAMPLE_NOT_FOUND"),
        ("b", LOST, ["a", "free", "b", "undo b", "undo a"], "DEADLINE_EXCEEDED"),
        ("b", KeyError("a fault of ours"), ["a", "free", "b", "undo b", "undo a"], "INTERNAL"),
        ("pivot", REFUSED, [*FORWARD, "undo b", "undo a"], "SAMPLE_NOT_FOUND"),
        ("pivot", LOST, [*FORWARD, "ask", "undo b", "undo a"], "DEADLINE_EXCEEDED"),
    ],
)
async def test_what_may_have_happened_is_undone_in_reverse(
    failing: str, error: Exception, expected: list[str], why: str
) -> None:
    script = Script(**{failing: error})
    answer, journal = await run(script)
    assert answer is error
    assert script.calls == expected
    assert journal.written == [("begin", "RUNNING", ""), ("undone", "UNDONE", why)]


async def test_a_lost_answer_of_the_pivot_is_asked_for() -> None:
    script = Script(pivot=LOST, ask="found")
    answer, journal = await run(script)
    assert answer == "found"
    assert script.calls == [*FORWARD, "ask", "progress"]
    assert journal.written[-1] == ("complete", "DONE", "")


async def test_while_nobody_answers_whether_it_happened_nothing_is_undone() -> None:
    script = Script(pivot=LOST, ask=AWAY)
    answer, journal = await run(script)
    assert isinstance(answer, OutcomeUnknown)
    assert script.calls == [*FORWARD, "ask"]
    assert journal.written[1:] == [("postpone", "RUNNING", "pivot: SERVICE_UNAVAILABLE")]
    assert outcomes(journal)["pivot"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("ask", "calls", "end"),
    [("found", ["ask", "progress"], "DONE"), (None, ["ask", "undo b", "undo a"], "UNDONE")],
)
async def test_what_was_taken_over_is_asked_for_first(ask: Any, calls: list[str], end: str) -> None:
    script, journal = Script(ask=ask), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition)]
    await settle(engine_of(journal, script.definition), ticks=2)
    assert script.calls == calls
    assert [state for _, state, _ in journal.written] == [end]
    assert journal.changes[-1].saga.reason == ("ABANDONED" if end == "UNDONE" else "")


async def test_an_undo_is_tried_again_from_the_last_step_on() -> None:
    script = Script(b=LOST, **{"undo a": [AWAY, AWAY]})
    journal = MemoryJournal()
    engine = engine_of(journal, script.definition)
    with pytest.raises(errors.DeadlineExceeded):
        await engine.execute(script.definition, "1", "work")
    await settle(engine)
    for _ in range(2):
        journal.due_sagas = [journal.changes[-1].saga]
        await settle(engine)
    assert script.calls == ["a", "free", "b"] + 3 * ["undo b", "undo a"]
    waits = "a2: SERVICE_UNAVAILABLE"
    assert journal.written[1:] == [
        ("undo", "UNDOING", waits),
        ("postpone", "UNDOING", waits),
        ("undone", "UNDONE", "DEADLINE_EXCEEDED"),
    ]
    # Only what this round did; the journal merges it with what it knows.
    assert outcomes(journal) == {"b": "UNDONE", "a1": "UNDONE", "a2": "UNDONE"}


async def test_what_is_refused_again_and_again_is_parked() -> None:
    script, journal = Script(**{"undo b": REFUSED}), MemoryJournal()
    engine = engine_of(journal, script.definition, refusals=3)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(3):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    waits = "b: SAMPLE_NOT_FOUND"
    assert journal.written == [("postpone", "UNDOING", waits)] * 2 + [("park", "UNDOING", waits)]


async def test_absence_is_waited_for_and_counts_as_no_refusal() -> None:
    script, journal = Script(**{"undo b": [REFUSED, REFUSED, AWAY, REFUSED, REFUSED, AWAY]}), MemoryJournal()
    engine = engine_of(journal, script.definition, refusals=3)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(6):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    assert [transition for transition, _, _ in journal.written] == ["postpone"] * 6


@pytest.mark.parametrize(("overdue", "transition"), [(-1.0, "park"), (24 * 3600.0, "postpone")])
async def test_absence_is_parked_after_a_day_of_trying(overdue: float, transition: str) -> None:
    """Not after a day: while the platform was down nobody tried."""
    script, journal = Script(**{"undo b": AWAY}), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING, age=25 * 3600)]
    await settle(engine_of(journal, script.definition, overdue=overdue))
    assert journal.written == [(transition, "UNDOING", "b: SERVICE_UNAVAILABLE")]


async def test_pauses_grow_with_the_time_waited() -> None:
    pauses = []
    for age in (0, 10, 3600):
        script, journal = Script(**{"undo b": AWAY}), MemoryJournal()
        journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING, age=age)]
        await settle(engine_of(journal, script.definition, first_backoff=0.5))
        pauses.append(journal.changes[-1].due_in)
    short, longer, longest = pauses
    assert 0.3 < short < 0.7
    assert 7 < longer < 13
    assert 44 < longest < 76


async def test_a_saga_that_another_gateway_drives_is_left_to_it() -> None:
    class Fenced(MemoryJournal):
        async def write(self, change: Any) -> bool:
            await super().write(change)
            return False

    script, journal = Script(pivot=REFUSED, **{"undo b": TAKEN_OVER}), Fenced()
    engine = engine_of(journal, script.definition)
    with pytest.raises(errors.RemoteError):
        await engine.execute(script.definition, "1", "work")
    await settle(engine, ticks=3)
    assert script.calls == [*FORWARD, "undo b"]
    assert [transition for transition, _, _ in journal.written] == ["begin", "undo"]


async def test_a_callee_that_wrongly_says_taken_over_is_no_reason_to_go_on_for_ever() -> None:
    script, journal = Script(**{"undo b": TAKEN_OVER}), MemoryJournal()
    engine = engine_of(journal, script.definition, refusals=2)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(2):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    assert journal.written[-1] == ("park", "UNDOING", "b: SAGA_TAKEN_OVER")


async def test_what_breaks_on_our_side_rests_before_it_is_tried_again() -> None:
    class Broken(MemoryJournal):
        async def write(self, change: Any) -> bool:
            raise KeyError

        async def due(self, known: Any, driven: Any, limit: int) -> Any:
            return [] if "1" in driven else [new_saga(script.definition, state=State.STATE_UNDOING)]

    script = Script()
    await settle(engine_of(Broken(), script.definition), ticks=10)
    assert script.calls == ["undo b", "undo a"]


@pytest.mark.parametrize(
    ("state", "age", "looks", "done", "written"),
    [
        (State.STATE_RUNNING, 0.0, 0, 1, []),
        (State.STATE_RUNNING, 4.0, 0, 1, [("finish", "FINISHING", "")]),
        (State.STATE_RUNNING, 4.0, 0, AWAY, [("finish", "FINISHING", "")]),
        (State.STATE_FINISHING, 4.0, 9, 1, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, 1, [("park", "FINISHING", "y: OVERDUE")]),
        (State.STATE_FINISHING, 1000.0, 2, 0, [("park", "FINISHING", "x: OVERDUE")]),
        # A platform that was down has to catch up first.
        (State.STATE_FINISHING, 1000.0, 0, 0, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, AWAY, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, KeyError("a state of tomorrow"), [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, 2, [("complete", "DONE", "")]),
    ],
)
async def test_a_tail_is_watched_until_it_is_over(
    state: State.State.ValueType, age: float, looks: int, done: Any, written: list[tuple[str, str, str]]
) -> None:
    script, journal = Script(ask="found", progress=done), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, state=state, age=age, refusals=looks)]
    await settle(engine_of(journal, script.definition), ticks=1)
    assert journal.written == written


async def test_tails_that_cannot_be_looked_at_keep_nothing_else_waiting() -> None:
    script, journal = Script(progress=AWAY), MemoryJournal()
    journal.due_sagas = [
        new_saga(script.definition, "stored", State.STATE_FINISHING),
        new_saga(script.definition, "failed", State.STATE_UNDOING),
    ]
    await settle(engine_of(journal, script.definition))
    assert "progress" in script.calls
    written = {(change.saga.ref.id, change.transition) for change in journal.changes}
    assert written == {("failed", "undone"), ("stored", "postpone")}


async def test_a_parked_tail_that_is_over_after_all_is_done() -> None:
    script, journal = Script(), MemoryJournal()
    saga = new_saga(script.definition, state=State.STATE_FINISHING, age=5000, refusals=9)
    saga.parked = True
    journal.due_sagas = [saga]
    await settle(engine_of(journal, script.definition))
    assert journal.written == [("complete", "DONE", "")]
    assert not saga.parked


async def test_all_that_is_due_is_driven_however_much_it_is() -> None:
    script, journal = Script(), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, str(n), State.STATE_UNDOING) for n in range(250)]
    await settle(engine_of(journal, script.definition), ticks=6)
    assert len(journal.written) == 250


async def test_a_caller_who_leaves_does_not_take_the_saga_along() -> None:
    gate = asyncio.Event()
    script, journal = Script(free=gate), MemoryJournal()
    engine = engine_of(journal, script.definition)
    caller = asyncio.create_task(engine.execute(script.definition, "1", "work"))

    async def reached() -> bool:
        return "free" in script.calls

    await eventually(reached)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert script.calls == ["a", "free"]
    gate.set()
    await settle(engine)
    assert script.calls == [*FORWARD, "progress"]
    assert journal.written[-1] == ("complete", "DONE", "")


async def test_a_saga_that_cannot_be_journalled_does_not_begin() -> None:
    class Full(MemoryJournal):
        async def begin(self, definition: Any, id: str) -> Any:
            raise AWAY

    script = Script()
    with pytest.raises(errors.ServiceUnavailable):
        await engine_of(Full(), script.definition).execute(script.definition, "1", "work")
    assert script.calls == []


async def test_a_fault_of_the_journal_is_answered_and_not_waited_for() -> None:
    class Broken(MemoryJournal):
        async def begin(self, definition: Any, id: str) -> Any:
            raise KeyError

    with pytest.raises(errors.Internal):
        await engine_of(Broken(), Script().definition).execute(Script().definition, "1", "work")
