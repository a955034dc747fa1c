"""Access to samples: reads stored samples, and the grants that decide which fields a caller sees."""

import asyncio
from typing import TYPE_CHECKING

from fairdatabase.policy.access.visibility import Reader
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest, StoredSample
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import GetGrantsRequest, Grants

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


class Access:
    """Reads samples and grants from the services that own them."""

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._privacy = privacy
        self._backend = backend

    async def grants(self, principal: Principal) -> Grants:
        """Return what the policy grants to a caller."""
        return await self._privacy.GetGrants(GetGrantsRequest(principal=principal))

    async def sample_and_reader(self, sample_id: str, principal: Principal) -> tuple[StoredSample, Reader]:
        """Return the whole sample, and the caller as its reader. Raises RemoteError with SAMPLE_NOT_FOUND."""
        stored, grants = await asyncio.gather(
            self._backend.GetStoredSample(GetStoredSampleRequest(id=sample_id)), self.grants(principal)
        )
        return stored, Reader.of(principal.user_id, grants)
