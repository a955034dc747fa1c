"""The engine: for each answer of a callee, the expected next call and journal entries."""

import asyncio
from typing import Any

import pytest

from chassis import errors
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.definition import OutcomeUnknown
from tests.unit.gateway.sagas import (
    REFUSED,
    TAKEN_OVER,
    TIMED_OUT,
    UNAVAILABLE,
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
    """Run a saga to its end; return the caller's answer and the journal."""
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


async def test_successful_saga_is_written_twice() -> None:
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
        ("a", TIMED_OUT, ["a", "undo a"], "DEADLINE_EXCEEDED"),
        ("a", UNAVAILABLE, ["a", "undo a"], "SERVICE_UNAVAILABLE"),
        ("free", REFUSED, ["a", "free", "undo a"], "SAMPLE_NOT_FOUND"),
        ("b", REFUSED, ["a", "free", "b", "undo a"], "SAMPLE_NOT_FOUND"),
        ("b", TIMED_OUT, ["a", "free", "b", "undo b", "undo a"], "DEADLINE_EXCEEDED"),
        ("b", KeyError("a bug"), ["a", "free", "b", "undo b", "undo a"], "INTERNAL"),
        ("pivot", REFUSED, [*FORWARD, "undo b", "undo a"], "SAMPLE_NOT_FOUND"),
        ("pivot", TIMED_OUT, [*FORWARD, "ask", "undo b", "undo a"], "DEADLINE_EXCEEDED"),
    ],
)
async def test_steps_that_may_have_taken_effect_are_undone_in_reverse(
    failing: str, error: Exception, expected: list[str], why: str
) -> None:
    script = Script(**{failing: error})
    answer, journal = await run(script)
    assert answer is error
    assert script.calls == expected
    assert journal.written == [("begin", "RUNNING", ""), ("undone", "UNDONE", why)]


async def test_pivot_with_a_lost_answer_is_settled() -> None:
    script = Script(pivot=TIMED_OUT, ask="found")
    answer, journal = await run(script)
    assert answer == "found"
    assert script.calls == [*FORWARD, "ask", "progress"]
    assert journal.written[-1] == ("complete", "DONE", "")


async def test_nothing_is_undone_while_the_outcome_of_the_pivot_is_unknown() -> None:
    script = Script(pivot=TIMED_OUT, ask=UNAVAILABLE)
    answer, journal = await run(script)
    assert isinstance(answer, OutcomeUnknown)
    assert script.calls == [*FORWARD, "ask"]
    assert journal.written[1:] == [("postpone", "RUNNING", "pivot: SERVICE_UNAVAILABLE")]
    assert outcomes(journal)["pivot"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("ask", "calls", "end"),
    [("found", ["ask", "progress"], "DONE"), (None, ["ask", "undo b", "undo a"], "UNDONE")],
)
async def test_taken_over_saga_first_asks_for_the_outcome_of_the_pivot(ask: Any, calls: list[str], end: str) -> None:
    script, journal = Script(ask=ask), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition)]
    await settle(engine_of(journal, script.definition), ticks=2)
    assert script.calls == calls
    assert [state for _, state, _ in journal.written] == [end]
    assert journal.changes[-1].saga.reason == ("ABANDONED" if end == "UNDONE" else "")


async def test_failed_undo_is_retried_from_the_last_step() -> None:
    script = Script(b=TIMED_OUT, **{"undo a": [UNAVAILABLE, UNAVAILABLE]})
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
    # The last write has only the notes of its own attempt. The real journal merges them with earlier notes.
    assert outcomes(journal) == {"b": "UNDONE", "a1": "UNDONE", "a2": "UNDONE"}


async def test_repeatedly_refused_saga_is_parked() -> None:
    script, journal = Script(**{"undo b": REFUSED}), MemoryJournal()
    engine = engine_of(journal, script.definition, refusals=3)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(3):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    waits = "b: SAMPLE_NOT_FOUND"
    assert journal.written == [("postpone", "UNDOING", waits)] * 2 + [("park", "UNDOING", waits)]


async def test_unavailable_callee_does_not_count_as_a_refusal() -> None:
    script, journal = (
        Script(**{"undo b": [REFUSED, REFUSED, UNAVAILABLE, REFUSED, REFUSED, UNAVAILABLE]}),
        MemoryJournal(),
    )
    engine = engine_of(journal, script.definition, refusals=3)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(6):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    assert [transition for transition, _, _ in journal.written] == ["postpone"] * 6


@pytest.mark.parametrize(("overdue", "transition"), [(-1.0, "park"), (24 * 3600.0, "postpone")])
async def test_saga_is_parked_after_a_day_of_attempts(overdue: float, transition: str) -> None:
    """Age alone does not park a saga, because there were no attempts while the platform was down."""
    script, journal = Script(**{"undo b": UNAVAILABLE}), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING, age=25 * 3600)]
    await settle(engine_of(journal, script.definition, overdue=overdue))
    assert journal.written == [(transition, "UNDOING", "b: SERVICE_UNAVAILABLE")]


async def test_pauses_grow_with_age_up_to_a_limit() -> None:
    pauses = []
    for age in (0, 10, 3600):
        script, journal = Script(**{"undo b": UNAVAILABLE}), MemoryJournal()
        journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING, age=age)]
        await settle(engine_of(journal, script.definition, first_backoff=0.5))
        pauses.append(journal.changes[-1].due_in)
    short, longer, longest = pauses
    assert 0.3 < short < 0.7
    assert 7 < longer < 13
    assert 44 < longest < 76


async def test_saga_that_another_gateway_drives_is_left_alone() -> None:
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


async def test_callee_that_always_answers_taken_over_parks_the_saga() -> None:
    script, journal = Script(**{"undo b": TAKEN_OVER}), MemoryJournal()
    engine = engine_of(journal, script.definition, refusals=2)
    journal.due_sagas = [new_saga(script.definition, state=State.STATE_UNDOING)]
    for _ in range(2):
        await settle(engine)
        journal.due_sagas = [journal.changes[-1].saga]
    assert journal.written[-1] == ("park", "UNDOING", "b: SAGA_TAKEN_OVER")


async def test_saga_is_not_retried_at_once_after_an_internal_error() -> None:
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
        (State.STATE_RUNNING, 4.0, 0, UNAVAILABLE, [("finish", "FINISHING", "")]),
        (State.STATE_FINISHING, 4.0, 9, 1, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, 1, [("park", "FINISHING", "y: OVERDUE")]),
        (State.STATE_FINISHING, 1000.0, 2, 0, [("park", "FINISHING", "x: OVERDUE")]),
        # After an outage, give consumers time to catch up.
        (State.STATE_FINISHING, 1000.0, 0, 0, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, UNAVAILABLE, [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, KeyError("a state of a later release"), [("postpone", "FINISHING", "")]),
        (State.STATE_FINISHING, 1000.0, 2, 2, [("complete", "DONE", "")]),
    ],
)
async def test_tail_is_checked_until_it_is_done(
    state: State.State.ValueType, age: float, looks: int, done: Any, written: list[tuple[str, str, str]]
) -> None:
    script, journal = Script(ask="found", progress=done), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, state=state, age=age, refusals=looks)]
    await settle(engine_of(journal, script.definition), ticks=1)
    assert journal.written == written


async def test_unavailable_tail_does_not_block_other_sagas() -> None:
    script, journal = Script(progress=UNAVAILABLE), MemoryJournal()
    journal.due_sagas = [
        new_saga(script.definition, "stored", State.STATE_FINISHING),
        new_saga(script.definition, "failed", State.STATE_UNDOING),
    ]
    await settle(engine_of(journal, script.definition))
    assert "progress" in script.calls
    written = {(change.saga.ref.id, change.transition) for change in journal.changes}
    assert written == {("failed", "undone"), ("stored", "postpone")}


async def test_parked_tail_that_finishes_completes_its_saga() -> None:
    script, journal = Script(), MemoryJournal()
    saga = new_saga(script.definition, state=State.STATE_FINISHING, age=5000, refusals=9)
    saga.parked = True
    journal.due_sagas = [saga]
    await settle(engine_of(journal, script.definition))
    assert journal.written == [("complete", "DONE", "")]
    assert not saga.parked


async def test_all_due_sagas_are_driven() -> None:
    script, journal = Script(), MemoryJournal()
    journal.due_sagas = [new_saga(script.definition, str(n), State.STATE_UNDOING) for n in range(250)]
    await settle(engine_of(journal, script.definition), ticks=6)
    assert len(journal.written) == 250


async def test_cancelled_caller_does_not_cancel_the_saga() -> None:
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


async def test_saga_does_not_begin_without_the_journal() -> None:
    class Full(MemoryJournal):
        async def begin(self, definition: Any, id: str) -> Any:
            raise UNAVAILABLE

    script = Script()
    with pytest.raises(errors.ServiceUnavailable):
        await engine_of(Full(), script.definition).execute(script.definition, "1", "work")
    assert script.calls == []


async def test_internal_error_of_the_journal_is_answered() -> None:
    class Broken(MemoryJournal):
        async def begin(self, definition: Any, id: str) -> Any:
            raise KeyError

    with pytest.raises(errors.Internal):
        await engine_of(Broken(), Script().definition).execute(Script().definition, "1", "work")
