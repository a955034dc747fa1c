"""The creation of a sample: given an answer of a service, expect the next call, or that what was prepared is undone."""

from typing import Any

import pytest

from backend_svc.errors import SampleNotFound
from chassis import errors
from chassis.errors import AppError
from fairdb.backend.v1.backend_service_pb2 import (
    FindByIdempotencyKeyResponse,
    GetSampleStatesResponse,
    IdempotencyClaim,
    SettleSampleResponse,
    StoredSample,
    StoreSampleResponse,
)
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import Grants, PrepareSampleResponse
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from gateway.samples.creation import Creation, create_sample
from tests.unit.gateway.sagas import AWAY, LOST, TAKEN_OVER, MemoryJournal, engine_of, refusal, settle

PRINCIPAL = Principal(user_id="0192f0c4-0000-7000-8000-000000000001")
RAW = RawSample(organism="E. coli")
WINNER = StoredSample(sample=Sample(id="winner"))


class Service:
    """Answers each method as told, and remembers what it was asked."""

    def __init__(self, calls: list[str], **answers: Any) -> None:
        self._calls = calls
        self._answers = answers

    def __getattr__(self, method: str) -> Any:
        async def call(request: Any) -> Any:
            self._calls.append(method)
            answer = self._answers.get(method)
            if isinstance(answer, AppError):
                raise answer
            return answer(request) if callable(answer) else answer

        return call


def prepared(request: Any) -> PrepareSampleResponse:
    return PrepareSampleResponse(
        sample=Sample(id=request.sample_id), dropped_fields=["email"], consents=["c"], grants=Grants(oversees=True)
    )


def stored(request: Any) -> StoreSampleResponse:
    return StoreSampleResponse(stored=request.stored)


def processed(request: Any) -> GetSampleStatesResponse:
    return GetSampleStatesResponse(states=dict.fromkeys(request.ids, Sample.STATE_PROCESSED))


async def create(claim: IdempotencyClaim | None = None, **answers: Any) -> tuple[Any, list[str], MemoryJournal]:
    """Create a sample and let its saga end; return what the caller got, the calls made, and the journal."""
    calls: list[str] = []
    privacy: Any = Service(calls, **{"PrepareSample": prepared, "GetGrants": Grants(), **answers})
    unknown = FindByIdempotencyKeyResponse()
    backend: Any = Service(
        calls,
        **{"FindByIdempotencyKey": unknown, "StoreSample": stored, "GetSampleStates": processed, **answers},
    )
    definition, journal = create_sample(privacy, backend), MemoryJournal()
    engine = engine_of(journal, definition)
    try:
        outcome: Any = await Creation(engine, definition, privacy, backend).create(PRINCIPAL, RAW, claim)
    except AppError as error:
        outcome = error
    await settle(engine)
    return outcome, calls, journal


async def test_prepares_then_stores_then_watches_index_and_notify() -> None:
    created, calls, journal = await create()
    assert calls == ["PrepareSample", "StoreSample", "GetSampleStates"]
    assert created.dropped_fields == ("email",)
    assert created.grants.oversees
    assert journal.written[-1] == ("complete", "DONE", "")
    assert tuple(journal.changes[-1].steps) == ("validate", "anonymise", "store", "index", "notify")


@pytest.mark.parametrize(
    ("answers", "expected", "step", "why"),
    [
        ({"PrepareSample": refusal(errors.InvalidRequest())}, ["PrepareSample"], "validate", "INVALID_REQUEST"),
        (
            {"StoreSample": refusal(SampleNotFound())},
            ["PrepareSample", "StoreSample", "DiscardSample"],
            "store",
            "SAMPLE_NOT_FOUND",
        ),
    ],
)
async def test_a_refusal_is_undone_told_to_the_sender_and_announced(
    answers: dict[str, Any], expected: list[str], step: str, why: str
) -> None:
    error, calls, journal = await create(**answers)
    assert error.reason == why
    assert calls == expected
    event = journal.changes[-1].event
    assert event is not None
    assert (event.type, event.step, event.reason, event.actor) == ("sample.failed", step, why, "account")


async def test_a_failed_undo_does_not_hide_the_refusal() -> None:
    refused = refusal(SampleNotFound())
    error, _, journal = await create(StoreSample=refused, DiscardSample=AWAY)
    assert error is refused
    assert journal.written[-1] == ("undo", "UNDOING", "anonymise: SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("lost", [AWAY, LOST])
async def test_an_unknown_outcome_is_asked_for(lost: AppError) -> None:
    created, calls, _ = await create(StoreSample=lost, SettleSample=SettleSampleResponse(stored=WINNER))
    assert calls == ["PrepareSample", "StoreSample", "SettleSample", "GetSampleStates"]
    assert created.stored == WINNER


@pytest.mark.parametrize("lost", [AWAY, LOST])
async def test_what_was_settled_as_never_stored_may_be_repeated(lost: AppError) -> None:
    error, calls, _ = await create(StoreSample=lost, SettleSample=SettleSampleResponse())
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert calls == ["PrepareSample", "StoreSample", "SettleSample", "DiscardSample"]


@pytest.mark.parametrize(
    ("claim", "reason"), [(None, "DEADLINE_EXCEEDED"), (IdempotencyClaim(), "SERVICE_UNAVAILABLE")]
)
async def test_what_stays_unknown_is_neither_undone_nor_claimed(claim: IdempotencyClaim | None, reason: str) -> None:
    """ "Try again" would make a second sample of a request that cannot be recognised."""
    error, calls, journal = await create(claim, StoreSample=LOST, SettleSample=AWAY)
    assert error.reason == reason
    assert "DiscardSample" not in calls
    assert journal.written[-1] == ("postpone", "RUNNING", "store: SERVICE_UNAVAILABLE")


async def test_what_was_never_sent_is_undone() -> None:
    error, calls, _ = await create(StoreSample=errors.NotSent())
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert calls == ["PrepareSample", "StoreSample", "DiscardSample"]


@pytest.mark.parametrize("method", ["PrepareSample", "StoreSample"])
async def test_who_was_taken_over_tells_its_caller_to_try_again(method: str) -> None:
    error, _, _ = await create(None, **{method: TAKEN_OVER})
    assert error.reason == "SERVICE_UNAVAILABLE"


async def test_a_repeat_is_answered_before_a_saga_begins() -> None:
    found = FindByIdempotencyKeyResponse(stored=WINNER)
    created, calls, journal = await create(IdempotencyClaim(), FindByIdempotencyKey=found)
    assert calls == ["FindByIdempotencyKey", "GetGrants"]
    assert (created.stored, created.dropped_fields) == (WINNER, ())
    assert journal.written == []


async def test_the_loser_of_a_race_discards_its_preparation() -> None:
    answer = StoreSampleResponse(stored=WINNER, replayed=True)
    created, calls, journal = await create(IdempotencyClaim(), StoreSample=answer)
    assert calls == ["FindByIdempotencyKey", "PrepareSample", "StoreSample", "DiscardSample"]
    assert (created.stored, created.dropped_fields) == (WINNER, ())
    assert journal.written[-1] == ("undone", "UNDONE", "SUPERSEDED")
    assert journal.changes[-1].event is None


@pytest.mark.parametrize("look_first", [True, False])
async def test_a_repeat_of_a_sample_in_quarantine_is_not_said_to_be_stored(look_first: bool) -> None:
    quarantined = StoredSample(sample=Sample(id="winner", state=Sample.STATE_QUARANTINED))
    calls: list[str] = []
    privacy: Any = Service(calls, PrepareSample=prepared)
    backend: Any = Service(
        calls,
        FindByIdempotencyKey=FindByIdempotencyKeyResponse(stored=quarantined),
        StoreSample=StoreSampleResponse(stored=quarantined, replayed=True),
    )
    definition = create_sample(privacy, backend)
    engine = engine_of(MemoryJournal(), definition)
    creation = Creation(engine, definition, privacy, backend)
    with pytest.raises(AppError) as refused:
        await creation.identify(PRINCIPAL, RAW, IdempotencyClaim(), look_first=look_first)
    assert refused.value.reason == "CONSENT_WITHDRAWN"
    await settle(engine)
