"""DataUseService."""

from typing import TYPE_CHECKING

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from fairdatabase.violations import Violation
from fairdb.privacy.v1.privacy_service_pb2 import MatchUseRequest
from fairdb.samples.v1 import data_use_service_pb2 as pb
from fairdb.samples.v1 import data_use_service_pb2_grpc
from fairdb.samples.v1.data_use_pb2 import DataUseMatch
from gateway.samples import visibility
from gateway.samples.access import Access

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


class DataUseServicer(data_use_service_pb2_grpc.DataUseServiceServicer):
    """Checks whether data use terms permit a use. A caller who names a sample must be able to see it."""

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._access = Access(privacy, backend)
        self._privacy = privacy

    async def MatchDataUse(self, request: pb.MatchDataUseRequest, context: grpc.aio.ServicerContext) -> DataUseMatch:
        principal = call_context.current().caller.principal
        if request.sample and request.terms:
            raise InvalidRequest(violations=[Violation("terms", "must be empty when a sample is given")])
        if request.sample:
            # Raises SampleNotFound unless the caller may read the sample.
            visibility.render(*await self._access.sample_and_reader(request.sample, principal))
        match = MatchUseRequest(sample_id=request.sample, terms=request.terms, use=request.use)
        match.use.account = principal.user_id
        return await self._privacy.MatchUse(match)
