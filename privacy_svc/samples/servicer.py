"""PrivacyService: prepare samples, read their privacy status, grant reading, and match intended uses."""

from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import grpc

from chassis.errors import InvalidRequest
from chassis.storage.database import Database
from fairdatabase.policy.access.grants import grants_of
from fairdatabase.policy.access.tried_values import without_values
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.records.preview import preview
from fairdb.privacy.v1 import privacy_service_pb2 as pb
from fairdb.privacy.v1 import privacy_service_pb2_grpc
from fairdb.samples.v1.data_use_pb2 import DataUseMatch, IntendedUse
from fairdb.samples.v1.sample_service_pb2 import SamplePreview, SamplePrivacy
from privacy_svc.data_use.matching import match
from privacy_svc.data_use.validation import canonicalise_ids, find_id_violations, find_use_violations
from privacy_svc.keystore import Keystore
from privacy_svc.samples import privacy_status, store
from privacy_svc.samples.large_samples import LargeSamples
from privacy_svc.samples.preparation import Preparation
from privacy_svc.studies.grants import StudyGrants
from privacy_svc.studies.store import Studies

Context = grpc.aio.ServicerContext


class PrivacyServicer(privacy_service_pb2_grpc.PrivacyServiceServicer):
    """Serves the gateway: prepares samples for storage, and returns the grants of readers."""

    def __init__(
        self, database: Database, keystore: Keystore, anonymiser: Anonymiser, studies: Studies, grants: StudyGrants
    ) -> None:
        self._database = database
        self._anonymiser = anonymiser
        self._grants = grants
        self._large = LargeSamples()
        self._preparation = Preparation(database, keystore, anonymiser, studies, self._large)

    async def PrepareSample(self, request: pb.PrepareSampleRequest, context: Context) -> pb.PrepareSampleResponse:
        return await self._preparation.prepare(request)

    async def PreviewSample(self, request: pb.PreviewSampleRequest, context: Context) -> SamplePreview:
        return await self._large.run(request.sample, partial(preview, request.sample, self._anonymiser))

    async def DiscardSample(self, request: pb.DiscardSampleRequest, context: Context) -> pb.DiscardSampleResponse:
        async with self._database.connection() as connection:
            await store.discard(connection, UUID(request.sample_id), request.fencing_token)
        return pb.DiscardSampleResponse()

    async def GetGrants(self, request: pb.GetGrantsRequest, context: Context) -> pb.Grants:
        principal = request.principal
        return grants_of(principal, await self._grants.of(UUID(principal.user_id)))

    async def GetPrivacyStatus(self, request: pb.GetPrivacyStatusRequest, context: Context) -> SamplePrivacy:
        async with self._database.connection() as connection:
            return await privacy_status.read_status(connection, UUID(request.sample_id))

    async def MatchUse(self, request: pb.MatchUseRequest, context: Context) -> DataUseMatch:
        _check_use(request.use)
        canonicalise_ids(request.terms)
        if violations := find_id_violations(request.terms, "terms"):
            raise InvalidRequest(violations=violations)
        terms = request.terms
        if request.sample_id:
            async with self._database.connection() as connection:
                terms = (await privacy_status.read_status(connection, UUID(request.sample_id))).data_use
        use = without_values(request.use) if request.ignore_values else request.use
        return match(terms, use, datetime.now(UTC).date())

    async def MatchUseOfSamples(
        self, request: pb.MatchUseOfSamplesRequest, context: Context
    ) -> pb.MatchUseOfSamplesResponse:
        _check_use(request.use)
        response, today = pb.MatchUseOfSamplesResponse(), datetime.now(UTC).date()
        if request.sample_ids:
            async with self._database.connection() as connection:
                terms = await privacy_status.read_terms_of(connection, [UUID(id) for id in request.sample_ids])
            for id, binding in terms.items():
                found = match(binding, request.use, today)
                found.ClearField("findings")
                response.matches[str(id)].CopyFrom(found)
        return response


def _check_use(use: IntendedUse) -> None:
    """Raise InvalidRequest unless every id, code and date is well formed."""
    violations = find_use_violations(use, "use")
    if violations:
        raise InvalidRequest(violations=violations)
