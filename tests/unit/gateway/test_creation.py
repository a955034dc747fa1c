"""Creation of a sample: for each answer of a service, the expected next call or undo of the preparation."""

from typing import Any

import pytest

from backend_svc.samples.errors import SampleNotFound
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
from fairdb.samples.v1.sample_service_pb2 import FieldPreview, SamplePreview
from gateway.samples.creation import Creation, create_sample
from tests.unit.gateway.sagas import TAKEN_OVER, TIMED_OUT, UNAVAILABLE, MemoryJournal, engine_of, remote, settle

PRINCIPAL = Principal(user_id="0192f0c4-0000-7000-8000-000000000001")
RAW = RawSample(organism="E. coli")
WINNER = StoredSample(sample=Sample(id="winner"))


class Service:
    """Stands in for a service: answers each method from `answers`, and records the calls."""

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
        sample=Sample(id=request.sample_id), drop_reasons={"email": "why"}, consents=["c"], grants=Grants(oversees=True)
    )


def stored(request: Any) -> StoreSampleResponse:
    return StoreSampleResponse(stored=request.stored)


def processed(request: Any) -> GetSampleStatesResponse:
    return GetSampleStatesResponse(states=dict.fromkeys(request.ids, Sample.STATE_PROCESSED))


async def create(claim: IdempotencyClaim | None = None, **answers: Any) -> tuple[Any, list[str], MemoryJournal]:
    """Create a sample and let its saga end; return the caller's outcome, the calls made, and the journal."""
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


async def test_creation_prepares_stores_and_watches_index_and_notify() -> None:
    created, calls, journal = await create()
    assert calls == ["PrepareSample", "StoreSample", "GetSampleStates"]
    assert created.drop_reasons == {"email": "why"}
    assert created.grants.oversees
    assert journal.written[-1] == ("complete", "DONE", "")
    assert tuple(journal.changes[-1].steps) == ("validate", "anonymise", "store", "index", "notify")


@pytest.mark.parametrize(
    ("answers", "expected", "step", "reason"),
    [
        ({"PrepareSample": remote(errors.InvalidRequest())}, ["PrepareSample"], "validate", "INVALID_REQUEST"),
        (
            {"StoreSample": remote(SampleNotFound())},
            ["PrepareSample", "StoreSample", "DiscardSample"],
            "store",
            "SAMPLE_NOT_FOUND",
        ),
    ],
)
async def test_refused_creation_is_undone_reported_and_published(
    answers: dict[str, Any], expected: list[str], step: str, reason: str
) -> None:
    error, calls, journal = await create(**answers)
    assert error.reason == reason
    assert calls == expected
    event = journal.changes[-1].event
    assert event is not None
    assert (event.type, event.step, event.reason, event.actor) == ("sample.failed", step, reason, "account")


async def test_failed_undo_does_not_hide_the_refusal() -> None:
    refused = remote(SampleNotFound())
    error, _, journal = await create(StoreSample=refused, DiscardSample=UNAVAILABLE)
    assert error is refused
    assert journal.written[-1] == ("undo", "UNDOING", "anonymise: SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("failure", [UNAVAILABLE, TIMED_OUT])
async def test_unknown_outcome_of_the_store_is_settled(failure: AppError) -> None:
    created, calls, _ = await create(StoreSample=failure, SettleSample=SettleSampleResponse(stored=WINNER))
    assert calls == ["PrepareSample", "StoreSample", "SettleSample", "GetSampleStates"]
    assert created.stored == WINNER


@pytest.mark.parametrize("failure", [UNAVAILABLE, TIMED_OUT])
async def test_sample_settled_as_not_stored_may_be_sent_again(failure: AppError) -> None:
    error, calls, _ = await create(StoreSample=failure, SettleSample=SettleSampleResponse())
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert calls == ["PrepareSample", "StoreSample", "SettleSample", "DiscardSample"]


@pytest.mark.parametrize(
    ("claim", "reason"), [(None, "DEADLINE_EXCEEDED"), (IdempotencyClaim(), "SERVICE_UNAVAILABLE")]
)
async def test_unknown_outcome_is_reported_and_not_undone(claim: IdempotencyClaim | None, reason: str) -> None:
    """Without a key, "try again" could create a second sample, because a repeat cannot be recognised."""
    error, calls, journal = await create(claim, StoreSample=TIMED_OUT, SettleSample=UNAVAILABLE)
    assert error.reason == reason
    assert "DiscardSample" not in calls
    assert journal.written[-1] == ("postpone", "RUNNING", "store: SERVICE_UNAVAILABLE")


async def test_store_that_was_never_sent_is_undone() -> None:
    error, calls, _ = await create(StoreSample=errors.NotSent())
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert calls == ["PrepareSample", "StoreSample", "DiscardSample"]


@pytest.mark.parametrize("method", ["PrepareSample", "StoreSample"])
async def test_gateway_whose_saga_was_taken_over_answers_unavailable(method: str) -> None:
    error, _, _ = await create(None, **{method: TAKEN_OVER})
    assert error.reason == "SERVICE_UNAVAILABLE"


async def test_repeat_is_answered_without_a_saga() -> None:
    found = FindByIdempotencyKeyResponse(stored=WINNER)
    created, calls, journal = await create(IdempotencyClaim(), FindByIdempotencyKey=found)
    assert calls == ["FindByIdempotencyKey", "GetGrants"]
    assert (created.stored, created.drop_reasons) == (WINNER, {})
    assert journal.written == []


async def test_loser_of_a_race_discards_its_preparation() -> None:
    answer = StoreSampleResponse(stored=WINNER, replayed=True)
    created, calls, journal = await create(IdempotencyClaim(), StoreSample=answer)
    assert calls == ["FindByIdempotencyKey", "PrepareSample", "StoreSample", "DiscardSample"]
    assert (created.stored, created.drop_reasons) == (WINNER, {})
    assert journal.written[-1] == ("undone", "UNDONE", "SUPERSEDED")
    assert journal.changes[-1].event is None


@pytest.mark.parametrize(
    ("look_first", "found", "dropped"),
    [
        (True, False, {"email": "why"}),
        (False, False, {"email": "why"}),
        (True, True, {"age": "must be a number", "shoe size": "The policy does not know it."}),
    ],
)
async def test_identified_sample_names_what_was_dropped(look_first: bool, found: bool, dropped: dict[str, str]) -> None:
    preview = SamplePreview(
        fields=[
            FieldPreview(name="metadata.sex", outcome=FieldPreview.OUTCOME_KEPT),
            FieldPreview(
                name="metadata.age", outcome=FieldPreview.OUTCOME_DROPPED, reason="Why", advice="must be a number"
            ),
            FieldPreview(
                name="metadata.shoe size",
                outcome=FieldPreview.OUTCOME_DROPPED,
                reason="The policy does not know it.",
            ),
        ]
    )
    earlier = FindByIdempotencyKeyResponse(stored=WINNER if found else None)
    calls: list[str] = []
    privacy: Any = Service(calls, PrepareSample=prepared, PreviewSample=preview)
    backend: Any = Service(calls, FindByIdempotencyKey=earlier, StoreSample=stored, GetSampleStates=processed)
    definition = create_sample(privacy, backend)
    engine = engine_of(MemoryJournal(), definition)
    creation = Creation(engine, definition, privacy, backend)
    identified = await creation.identify(PRINCIPAL, RAW, IdempotencyClaim(), look_first=look_first)
    assert (identified.repeated, identified.drop_reasons) == (found, dropped)
    await settle(engine)


@pytest.mark.parametrize("look_first", [True, False])
async def test_repeat_of_a_quarantined_sample_is_refused(look_first: bool) -> None:
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
