"""DataUseService."""

import asyncio
from typing import TYPE_CHECKING

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from fairdatabase.policy.access.visibility import Reader
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import GetGrantsRequest, MatchUseRequest
from fairdb.samples.v1 import data_use_service_pb2 as pb
from fairdb.samples.v1 import data_use_service_pb2_grpc
from fairdb.samples.v1.data_use_pb2 import DataUseMatch
from gateway.samples import visibility

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


class DataUseServicer(data_use_service_pb2_grpc.DataUseServiceServicer):
    """Matches uses; the gateway decides who may know of a sample, privacy_svc what its terms say."""

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._privacy = privacy
        self._backend = backend

    async def MatchDataUse(self, request: pb.MatchDataUseRequest, context: grpc.aio.ServicerContext) -> DataUseMatch:
        principal = call_context.current().caller.principal
        if request.sample and request.terms:
            raise InvalidRequest(violations=[Violation("terms", "must be left out where a sample is named")])
        if request.sample:
            await self._check_visible(request.sample, principal)
        asked = MatchUseRequest(sample_id=request.sample, terms=request.terms, use=request.use)
        asked.use.account = principal.user_id
        return await self._privacy.MatchUse(asked)

    async def _check_visible(self, sample_id: str, principal: Principal) -> None:
        """Raise SampleNotFound unless the caller could read the sample."""
        stored, grants = await asyncio.gather(
            self._backend.GetStoredSample(GetStoredSampleRequest(id=sample_id)),
            self._privacy.GetGrants(GetGrantsRequest(principal=principal)),
        )
        visibility.render(stored, Reader.of(principal.user_id, grants))
