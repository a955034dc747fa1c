"""The creation of a sample: validate and anonymise, then store, which is the pivot.

Index and notify follow as events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uuid6 import uuid7

from chassis.errors import AppError, DeadlineExceeded, NotSent, RemoteError, SampleNotFound, ServiceUnavailable
from chassis.telemetry import SAGAS, log
from fairdb.backend.v1.backend_service_pb2 import (
    FindByIdempotencyKeyRequest,
    GetStoredSampleRequest,
    IdempotencyClaim,
    StoredSample,
    StoreSampleRequest,
)
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import (
    DiscardSampleRequest,
    GetGrantsRequest,
    Grants,
    PrepareSampleRequest,
    PrepareSampleResponse,
)
from fairdb.samples.v1.sample_pb2 import RawSample

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


SAGA = "create_sample"


@dataclass(frozen=True, slots=True)
class Created:
    """A sample that is stored, and what its sender may see of it."""

    stored: StoredSample
    grants: Grants
    dropped_fields: Sequence[str]
    """Names of what anonymisation dropped. None for a repeat: they are kept nowhere."""


class Creation:
    """Creates samples."""

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._privacy = privacy
        self._backend = backend

    async def create(self, principal: Principal, raw: RawSample, claim: IdempotencyClaim | None) -> Created:
        """Create a sample, or return the one that an earlier call with the same claim created."""
        if claim is not None:
            request = FindByIdempotencyKeyRequest(principal=principal, claim=claim)
            found = await self._backend.FindByIdempotencyKey(request)
            if found.HasField("stored"):
                grants = await self._privacy.GetGrants(GetGrantsRequest(principal=principal))
                return Created(found.stored, grants, ())
        sample_id = str(uuid7())
        try:
            prepared = await self._privacy.PrepareSample(
                PrepareSampleRequest(sample_id=sample_id, principal=principal, sample=raw)
            )
            stored, replayed = await self._store(principal, prepared, claim)
        except AppError as error:
            SAGAS.labels(SAGA, "refused" if isinstance(error, RemoteError) else "failed").inc()
            raise
        SAGAS.labels(SAGA, "repeated" if replayed else "done").inc()
        return Created(stored, prepared.grants, () if replayed else tuple(prepared.dropped_fields))

    async def _store(
        self, principal: Principal, prepared: PrepareSampleResponse, claim: IdempotencyClaim | None
    ) -> tuple[StoredSample, bool]:
        sample_id = prepared.sample.id
        request = StoreSampleRequest(
            principal=principal,
            stored=StoredSample(sample=prepared.sample, classes=prepared.classes),
            consents=prepared.consents,
            claim=claim,
        )
        try:
            answer = await self._backend.StoreSample(request)
        except RemoteError:
            # Backend has decided against it, so nothing was stored.
            await self._discard(sample_id)
            raise
        except NotSent:
            await self._discard(sample_id)
            raise
        except (ServiceUnavailable, DeadlineExceeded):
            return await self._ask_whether_stored(sample_id, repeatable=claim is not None), False
        if answer.replayed:
            await self._discard(sample_id)
        return answer.stored, answer.replayed

    async def _ask_whether_stored(self, sample_id: str, *, repeatable: bool) -> StoredSample:
        """Resolve an unknown outcome by asking.

        While it stays unknown, raises ServiceUnavailable ("try again") when a repeat is safe, else DeadlineExceeded.
        """
        try:
            return await self._backend.GetStoredSample(GetStoredSampleRequest(id=sample_id))
        except AppError as error:
            # "Not found" may become "stored" while the call is still on its way, so the preparation stays: it holds
            # no value, and a client that repeats with its Idempotency-Key gets the one sample that there is.
            if error.reason != SampleNotFound.reason:
                log.warning("store_outcome_unknown", sample=sample_id)
            raise (ServiceUnavailable if repeatable else DeadlineExceeded)(service="backend_svc") from None

    async def _discard(self, sample_id: str) -> None:
        try:
            await self._privacy.DiscardSample(DiscardSampleRequest(sample_id=sample_id))
        except AppError as error:
            log.warning("discard_failed", sample=sample_id, reason=error.reason)
