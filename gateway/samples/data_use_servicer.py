"""DataUseService."""

from typing import TYPE_CHECKING

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import RecordReadingsRequest
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import MatchUseRequest
from fairdb.samples.v1 import data_use_service_pb2 as pb
from fairdb.samples.v1 import data_use_service_pb2_grpc
from fairdb.samples.v1.data_use_pb2 import (
    USE_OUTCOME_ALLOWED,
    USE_OUTCOME_DENIED,
    USE_OUTCOME_NEEDS_PERSON,
    DataUseMatch,
)
from fairdb.samples.v1.sample_service_pb2 import DeclaredUse
from gateway.samples import visibility
from gateway.samples.access import Access

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub

_REASONS = {
    USE_OUTCOME_ALLOWED: "the conditions of the sample permit this use",
    USE_OUTCOME_DENIED: "the conditions of the sample do not permit this use",
    USE_OUTCOME_NEEDS_PERSON: "ask the owner of the sample",
}


class DataUseServicer(data_use_service_pb2_grpc.DataUseServiceServicer):
    """Checks whether data use terms permit a use. A caller who names a sample must be able to see it.

    Outsiders learn only the outcome, which does not depend on the disease that they declare, and the audit log names
    them. Otherwise, they could try which diseases a donor's consent names.
    """

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._access = Access(privacy, backend)
        self._privacy = privacy
        self._backend = backend

    async def MatchDataUse(self, request: pb.MatchDataUseRequest, context: grpc.aio.ServicerContext) -> DataUseMatch:
        principal = call_context.current().caller.principal
        if request.sample and request.terms:
            raise InvalidRequest(violations=[Violation("terms", "must be empty when a sample is given")])
        request.use.account = principal.user_id
        if request.sample:
            return await self._match_sample(request, principal)
        return await self._privacy.MatchUse(MatchUseRequest(terms=request.terms, use=request.use))

    async def _match_sample(self, request: pb.MatchDataUseRequest, principal: Principal) -> DataUseMatch:
        stored, reader = await self._access.sample_and_reader(request.sample, principal)
        visibility.render(stored, reader)  # raises SampleNotFound unless the caller may read the sample
        is_outsider = not visibility.oversees(stored, reader) and stored.sample.study not in reader.studies
        match = await self._privacy.MatchUse(
            MatchUseRequest(sample_id=request.sample, use=request.use, ignore_values=is_outsider)
        )
        if not visibility.oversees(stored, reader):
            declared = DeclaredUse(use=request.use, outcome=match.outcome, term=match.term)
            await self._backend.RecordReadings(
                RecordReadingsRequest(principal=principal, readings={stored.sample.id: declared}, only_matched=True)
            )
        return DataUseMatch(outcome=match.outcome, reason=_REASONS[match.outcome]) if is_outsider else match
