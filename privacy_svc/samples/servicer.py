"""PrivacyService: what may be kept of a sample, and who may see it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import grpc

from chassis.errors import InvalidRequest, SagaTakenOver
from chassis.storage.database import Database
from fairdatabase.policy import permissions
from fairdatabase.policy.records.anonymisation import anonymise, subject_of
from fairdatabase.policy.records.preview import preview
from fairdatabase.policy.records.validation import InvalidSample
from fairdatabase.policy.tables.reader import Policy
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1 import privacy_service_pb2 as pb
from fairdb.privacy.v1 import privacy_service_pb2_grpc
from fairdb.samples.v1.data_use_pb2 import DataUseMatch, IntendedUse
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import SamplePreview, SamplePrivacy
from privacy_svc.data_use.duo import find_use_violations
from privacy_svc.data_use.matching import match
from privacy_svc.errors import ConsentRequired, StudyNotFound
from privacy_svc.keystore import Keystore
from privacy_svc.samples import preparations
from privacy_svc.samples.preparing import New, Preparing
from privacy_svc.studies.store import Studies

Context = grpc.aio.ServicerContext
Result = TypeVar("Result")

_LARGE = 8 * 1024
"""Bytes of a raw sample from which it is anonymised beside the event loop; ordinary ones take a few kilobytes."""


class PrivacyServicer(privacy_service_pb2_grpc.PrivacyServiceServicer):
    """Decides on samples and readers."""

    def __init__(self, database: Database, keystore: Keystore, policy: Policy, studies: Studies) -> None:
        self._database = database
        self._keystore = keystore
        self._policy = policy
        self._studies = studies
        self._preparing = Preparing(database)
        self._large = ThreadPoolExecutor(1, "anonymise")

    async def PrepareSample(self, request: pb.PrepareSampleRequest, context: Context) -> pb.PrepareSampleResponse:
        try:
            return await self._prepare(request)
        except (InvalidRequest, ConsentRequired, StudyNotFound):
            # gRPC may have sent this call before, when it was not refused yet, and lost the answer.
            async with self._database.connection() as connection:
                await preparations.forget(connection, UUID(request.sample_id), request.fencing_token)
            raise

    async def _prepare(self, request: pb.PrepareSampleRequest) -> pb.PrepareSampleResponse:
        raw, account_id = request.sample, UUID(request.principal.user_id)
        study = await self._study(request, account_id)
        try:
            result = await self._work(
                raw, partial(anonymise, raw, self._policy, partial(self._keystore.pseudonym, str(study)))
            )
        except InvalidSample as error:
            raise InvalidRequest(violations=error.violations) from None
        subject = subject_of(raw, self._policy)
        prepared = await self._preparing.prepare(
            New(
                UUID(request.sample_id),
                account_id,
                study,
                self._keystore.consent_subject(subject) if subject else None,
                self._policy.version,
                result.actions,
                len(result.dropped_fields),
                request.fencing_token,
            )
        )
        sample = result.sample
        sample.id, sample.study = request.sample_id, str(study)
        return pb.PrepareSampleResponse(
            sample=sample,
            classes=result.classes,
            dropped_fields=result.dropped_fields,
            consents=[str(consent) for consent in prepared.consents],
            policy_version=self._policy.version,
            # The sender owns the sample, so what they may see of studies adds nothing.
            grants=permissions.grants_of(request.principal, ()),
            data_use=prepared.data_use,
        )

    async def PreviewSample(self, request: pb.PreviewSampleRequest, context: Context) -> SamplePreview:
        return await self._work(request.sample, partial(preview, request.sample, self._policy))

    async def _work(self, raw: RawSample, work: Callable[[], Result]) -> Result:
        if raw.ByteSize() <= _LARGE:
            return work()
        # Seconds of work must not keep others waiting, nor health checks; one at a time.
        return await asyncio.get_running_loop().run_in_executor(self._large, work)

    async def _study(self, request: pb.PrepareSampleRequest, account_id: UUID) -> UUID:
        try:
            study = UUID(request.sample.study)
        except ValueError:
            # None is given, or one that anonymise() names beside every other violation; any study does for that.
            return await self._default_study(request, account_id)
        await self._studies.check_writable(study, account_id)
        return study

    async def _default_study(self, request: pb.PrepareSampleRequest, account_id: UUID) -> UUID:
        if not self._studies.knows_default_of(account_id):
            # It is about to be made, and a call that comes too late must change nothing.
            async with self._database.connection() as connection:
                is_open = preparations.is_open(connection, UUID(request.sample_id), account_id, request.fencing_token)
                if await is_open is False:
                    raise SagaTakenOver
        return await self._studies.default_of(account_id)

    async def DiscardSample(self, request: pb.DiscardSampleRequest, context: Context) -> pb.DiscardSampleResponse:
        async with self._database.connection() as connection:
            await preparations.discard(connection, UUID(request.sample_id), request.fencing_token)
        return pb.DiscardSampleResponse()

    async def GetGrants(self, request: pb.GetGrantsRequest, context: Context) -> pb.Grants:
        return await self._grants_of(request.principal)

    async def _grants_of(self, principal: Principal) -> pb.Grants:
        return permissions.grants_of(principal, await self._studies.grants_of(UUID(principal.user_id)))

    async def GetPrivacyStatus(self, request: pb.GetPrivacyStatusRequest, context: Context) -> SamplePrivacy:
        async with self._database.connection() as connection:
            return await preparations.status(connection, UUID(request.sample_id))

    async def MatchUse(self, request: pb.MatchUseRequest, context: Context) -> DataUseMatch:
        _check_use(request.use)
        terms = request.terms
        if request.sample_id:
            async with self._database.connection() as connection:
                terms = (await preparations.status(connection, UUID(request.sample_id))).data_use
        return match(terms, request.use, datetime.now(UTC).date())

    async def MatchUseOfSamples(
        self, request: pb.MatchUseOfSamplesRequest, context: Context
    ) -> pb.MatchUseOfSamplesResponse:
        _check_use(request.use)
        answer, today = pb.MatchUseOfSamplesResponse(), datetime.now(UTC).date()
        if request.sample_ids:
            async with self._database.connection() as connection:
                terms = await preparations.terms_of(connection, [UUID(id) for id in request.sample_ids])
            for id, of_sample in terms.items():
                found = match(of_sample, request.use, today)
                found.ClearField("findings")
                answer.matches[str(id)].CopyFrom(found)
        return answer


def _check_use(use: IntendedUse) -> None:
    """Raise InvalidRequest unless every id, code and date has its shape."""
    violations = find_use_violations(use, "use")
    if violations:
        raise InvalidRequest(violations=violations)
