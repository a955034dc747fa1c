"""Declared uses, which readers state with a read: checks each sample's terms, and records the read beforehand."""

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from fairdatabase.policy.access.visibility import Reader
from fairdb.backend.v1.backend_service_pb2 import RecordReadingsRequest, StoredSample
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import MatchUseOfSamplesRequest
from fairdb.samples.v1.data_use_pb2 import USE_OUTCOME_ALLOWED, IntendedUse
from fairdb.samples.v1.sample_service_pb2 import DeclaredUse
from gateway.samples import visibility

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


class DeclaredUses:
    """Matches declared uses in privacy_svc and records them in backend_svc."""

    def __init__(self, privacy: "PrivacyServiceAsyncStub", backend: "BackendServiceAsyncStub") -> None:
        self._privacy = privacy
        self._backend = backend

    async def permitted(
        self, samples: Sequence[StoredSample], reader: Reader, principal: Principal, use: IntendedUse
    ) -> Container[str]:
        """Return the ids of samples whose terms permit the use, so that the reader may see more of them.

        Raises InvalidRequest for an invalid use, even if no sample depends on it.
        """
        use.account = principal.user_id
        ids = [stored.sample.id for stored in samples if visibility.depends_on_use(stored, reader)]
        answer = await self._privacy.MatchUseOfSamples(MatchUseOfSamplesRequest(sample_ids=ids, use=use))
        if answer.matches:
            readings = {
                id: DeclaredUse(use=use, outcome=match.outcome, term=match.term) for id, match in answer.matches.items()
            }
            # Record first: if this fails, the read fails, so nothing is shown without a record.
            await self._backend.RecordReadings(RecordReadingsRequest(principal=principal, readings=readings))
        return {id for id, match in answer.matches.items() if match.outcome == USE_OUTCOME_ALLOWED}
