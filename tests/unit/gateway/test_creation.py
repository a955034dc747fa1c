"""The creation of a sample: given an answer of a service, expect the next call, or that what was prepared is undone."""

from typing import Any

import grpc
import pytest

from chassis import errors
from chassis.errors import AppError, RemoteError
from fairdb.backend.v1.backend_service_pb2 import (
    FindByIdempotencyKeyResponse,
    IdempotencyClaim,
    StoredSample,
    StoreSampleResponse,
)
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import Grants, PrepareSampleResponse
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from gateway.creation import Creation

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


def refusal(error: AppError) -> RemoteError:
    """Return the error as another service sends it."""
    status = error.to_status()
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    failure = grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailing)
    remote = errors.from_rpc_error("backend_svc", failure)
    assert isinstance(remote, RemoteError)
    return remote


def stored(request: Any) -> StoreSampleResponse:
    return StoreSampleResponse(stored=request.stored)


async def create(claim: IdempotencyClaim | None = None, **answers: Any) -> tuple[Any, list[str]]:
    """Return what creation gave or raised, and the calls that it made."""
    calls: list[str] = []
    creation = Creation(
        Service(calls, **{"PrepareSample": prepared, "GetGrants": Grants(), **answers}),  # pyright: ignore
        Service(calls, **{"StoreSample": stored, **answers}),  # pyright: ignore
    )
    try:
        return await creation.create(PRINCIPAL, RAW, claim), calls
    except AppError as error:
        return error, calls


async def test_prepares_then_stores() -> None:
    created, calls = await create()
    assert calls == ["PrepareSample", "StoreSample"]
    assert created.dropped_fields == ("email",)
    assert created.grants.oversees


async def test_refused_by_privacy_stores_nothing() -> None:
    error, calls = await create(PrepareSample=refusal(errors.InvalidRequest()))
    assert error.reason == "INVALID_REQUEST"
    assert calls == ["PrepareSample"]


async def test_refused_by_backend_is_undone() -> None:
    error, calls = await create(StoreSample=refusal(errors.SampleNotFound()))
    assert error.reason == "SAMPLE_NOT_FOUND"
    assert calls == ["PrepareSample", "StoreSample", "DiscardSample"]


async def test_a_failed_undo_does_not_hide_the_refusal() -> None:
    refused = refusal(errors.SampleNotFound())
    error, _ = await create(StoreSample=refused, DiscardSample=errors.ServiceUnavailable())
    assert error is refused


@pytest.mark.parametrize("lost", [errors.ServiceUnavailable(), errors.DeadlineExceeded()])
async def test_an_unknown_outcome_is_asked_for(lost: AppError) -> None:
    created, calls = await create(StoreSample=lost, GetStoredSample=WINNER)
    assert calls == ["PrepareSample", "StoreSample", "GetStoredSample"]
    assert created.stored == WINNER


async def test_what_stays_unknown_is_neither_undone_nor_claimed() -> None:
    for answer in (errors.ServiceUnavailable(), refusal(errors.SampleNotFound())):
        # "Try again" would make a second sample of a request that cannot be recognised.
        for claim, reason in ((None, "DEADLINE_EXCEEDED"), (IdempotencyClaim(), "SERVICE_UNAVAILABLE")):
            error, calls = await create(
                claim,
                FindByIdempotencyKey=FindByIdempotencyKeyResponse(),
                StoreSample=errors.DeadlineExceeded(),
                GetStoredSample=answer,
            )
            assert error.reason == reason
            assert "DiscardSample" not in calls


async def test_what_was_never_sent_is_undone() -> None:
    error, calls = await create(StoreSample=errors.NotSent())
    assert error.reason == "SERVICE_UNAVAILABLE"
    assert calls == ["PrepareSample", "StoreSample", "DiscardSample"]


async def test_a_repeat_is_answered_before_anything_is_prepared() -> None:
    found = FindByIdempotencyKeyResponse(stored=WINNER)
    created, calls = await create(IdempotencyClaim(), FindByIdempotencyKey=found)
    assert calls == ["FindByIdempotencyKey", "GetGrants"]
    assert (created.stored, created.dropped_fields) == (WINNER, ())


async def test_the_loser_of_a_race_discards_its_preparation() -> None:
    created, calls = await create(
        IdempotencyClaim(),
        FindByIdempotencyKey=FindByIdempotencyKeyResponse(),
        StoreSample=StoreSampleResponse(stored=WINNER, replayed=True),
    )
    assert calls == ["FindByIdempotencyKey", "PrepareSample", "StoreSample", "DiscardSample"]
    assert (created.stored, created.dropped_fields) == (WINNER, ())
