"""Creation of a sample as a saga.

One call validates and anonymises. The next one stores the sample and is the pivot, after which nothing is undone.
Indexing and notifying follow by themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.errors import DeadlineExceeded, RemoteError, ServiceUnavailable
from chassis.events import outbox
from chassis.storage import daily_ids
from fairdb.backend.v1.backend_service_pb2 import (
    FindByIdempotencyKeyRequest,
    GetSampleStatesRequest,
    IdempotencyClaim,
    ResumeSampleRequest,
    SettleSampleRequest,
    StoredSample,
    StoreSampleRequest,
)
from fairdb.events.v1.event_pb2 import Event
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import (
    DiscardSampleRequest,
    GetGrantsRequest,
    Grants,
    PrepareSampleRequest,
    PrepareSampleResponse,
    PreviewSampleRequest,
)
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from fairdb.samples.v1.sample_service_pb2 import FieldPreview
from gateway.sagas.definition import Definition, NoEffect, OutcomeUnknown, Pivot, Ref, Saga, Step, Tail
from gateway.sagas.engine import Engine
from gateway.sagas.errors import SAGA_TAKEN_OVER
from gateway.samples.errors import ConsentWithdrawn

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


@dataclass(slots=True)
class Work:
    """The input of the steps. It contains the raw sample, so it must never be stored or logged."""

    principal: Principal
    raw: RawSample
    claim: IdempotencyClaim | None
    prepared: PrepareSampleResponse | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A stored sample, and its sender's grants."""

    stored: StoredSample
    grants: Grants
    drop_reasons: Mapping[str, str]
    """Why anonymisation dropped each field, by its name. Empty for a repeat, because the names are not stored."""


@dataclass(frozen=True, slots=True)
class Identified:
    """The sample that belongs to an idempotency claim."""

    id: str
    repeated: bool
    """Whether an earlier call created the sample."""
    drop_reasons: Mapping[str, str]
    """Why anonymisation dropped each field, by its name."""


class Superseded(NoEffect):
    """An earlier call with the same idempotency key created the sample."""

    reason = "SUPERSEDED"

    def __init__(self, winner: StoredSample) -> None:
        self.winner = winner


def create_sample(
    privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub"
) -> Definition[Work, StoredSample]:
    """Return the saga that creates a sample."""

    async def prepare(ref: Ref, work: Work) -> None:
        work.prepared = await privacy.PrepareSample(
            PrepareSampleRequest(
                sample_id=ref.id, principal=work.principal, sample=work.raw, fencing_token=ref.fencing_token
            )
        )

    async def discard(ref: Ref) -> None:
        await privacy.DiscardSample(DiscardSampleRequest(sample_id=ref.id, fencing_token=ref.fencing_token))

    async def store(ref: Ref, work: Work) -> StoredSample:
        prepared = work.prepared
        assert prepared is not None  # noqa: S101 - the step before this one sets it
        answer = await backend.StoreSample(
            StoreSampleRequest(
                principal=work.principal,
                stored=StoredSample(sample=prepared.sample, classes=prepared.classes, counted_as=prepared.counted_as),
                consents=prepared.consents,
                claim=work.claim,
                fencing_token=ref.fencing_token,
            )
        )
        if answer.replayed:
            raise Superseded(answer.stored)
        return answer.stored

    async def settle(ref: Ref) -> StoredSample | None:
        answer = await backend.SettleSample(SettleSampleRequest(id=ref.id, fencing_token=ref.fencing_token))
        return answer.stored if answer.HasField("stored") else None

    async def progress(ids: Sequence[str]) -> Mapping[str, int]:
        answer = await backend.GetSampleStates(GetSampleStatesRequest(ids=ids))
        return {id: _TAIL_STEPS_DONE.get(state, 0) for id, state in answer.states.items()}

    async def resume(ref: Ref) -> None:
        await backend.ResumeSample(ResumeSampleRequest(id=ref.id))

    return Definition(
        name="create_sample",
        version=1,
        steps=(Step(("validate", "anonymise"), prepare, undo=discard),),
        pivot=Pivot("store", store, ask=settle),
        tail=Tail(("index", "notify"), progress, resume),
        failed=_failed,
    )


_TAIL_STEPS_DONE = {
    Sample.STATE_STORED: 0,
    Sample.STATE_INDEXED: 1,
    Sample.STATE_PROCESSED: 2,
    Sample.STATE_QUARANTINED: 2,  # a quarantined sample has no further steps
}


def _failed(saga: Saga) -> Event | None:
    if saga.reason == Superseded.reason:
        return None
    event = outbox.new_event("sample.failed", saga.ref.id, 1, saga.actor)
    event.step, event.reason = saga.failed_step, saga.reason
    return event


class Creation:
    """Creates samples."""

    def __init__(
        self,
        engine: Engine,
        definition: Definition[Work, StoredSample],
        privacy: "PrivacyServiceAsyncStub",
        backend: "BackendServiceAsyncStub",
    ) -> None:
        self._engine = engine
        self._definition = definition
        self._privacy = privacy
        self._backend = backend

    async def create(self, principal: Principal, raw: RawSample, claim: IdempotencyClaim | None) -> Created:
        """Create a sample, or return the one that an earlier call with the same claim created."""
        if claim is not None and (earlier := await self._find(principal, claim)) is not None:
            grants = await self._privacy.GetGrants(GetGrantsRequest(principal=principal))
            return Created(earlier, grants, {})
        work = Work(principal, raw, claim)
        stored, repeated = await self._execute(work)
        assert work.prepared is not None  # noqa: S101 - a saga that has ended ran its first step
        return Created(stored, work.prepared.grants, {} if repeated else work.prepared.drop_reasons)

    async def identify(
        self, principal: Principal, raw: RawSample, claim: IdempotencyClaim, *, look_first: bool
    ) -> Identified:
        """Create a sample as `create` does, but return only its id.

        `look_first`: look up an earlier call with this claim before the saga begins. Otherwise only the store step
        recognises a repeat, which is cheaper for a new sample and more expensive for a repeat.

        Raises ConsentWithdrawn if the sample is quarantined, because the id alone would not show that.
        """
        work = Work(principal, raw, claim)
        if look_first and (earlier := await self._find(principal, claim)) is not None:
            stored, repeated = earlier, True
        else:
            stored, repeated = await self._execute(work)
        if stored.sample.state == Sample.STATE_QUARANTINED:
            raise ConsentWithdrawn
        return Identified(stored.sample.id, repeated, await self._drop_reasons(work))

    async def _drop_reasons(self, work: Work) -> Mapping[str, str]:
        """Return why each field was dropped. This is not stored, so a repeated sample is previewed."""
        if work.prepared is not None:
            return work.prepared.drop_reasons
        preview = await self._privacy.PreviewSample(PreviewSampleRequest(sample=work.raw))
        return {
            field.name.removeprefix("metadata."): field.advice or field.reason
            for field in preview.fields
            if field.outcome == FieldPreview.OUTCOME_DROPPED
        }

    async def _find(self, principal: Principal, claim: IdempotencyClaim) -> StoredSample | None:
        found = await self._backend.FindByIdempotencyKey(FindByIdempotencyKeyRequest(principal=principal, claim=claim))
        return found.stored if found.HasField("stored") else None

    async def _execute(self, work: Work) -> tuple[StoredSample, bool]:
        """Return the sample, and whether an earlier call created it."""
        try:
            return await self._engine.execute(self._definition, str(daily_ids.new_id()), work), False
        except Superseded as superseded:
            return superseded.winner, True
        except OutcomeUnknown:
            # ServiceUnavailable invites a retry. Without a key, a retry could create a second sample.
            raise (DeadlineExceeded if work.claim is None else ServiceUnavailable)(service="backend_svc") from None
        except DeadlineExceeded:
            # The saga is undone, now or later, so a retry is safe.
            raise ServiceUnavailable from None
        except RemoteError as error:
            if error.reason == SAGA_TAKEN_OVER:
                raise ServiceUnavailable from None
            raise
