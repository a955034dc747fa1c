"""PrivacyService: what may be kept of a sample, and who may see it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from uuid import UUID

import grpc

from chassis.database import Database
from chassis.errors import InvalidRequest
from fairdb.options.v1.access_pb2 import ROLE_STEWARD, Principal
from fairdb.privacy.v1 import privacy_service_pb2 as pb
from fairdb.privacy.v1 import privacy_service_pb2_grpc
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_SENSITIVE,
)
from fairdb.samples.v1.sample_pb2 import RawSample
from fairdb.samples.v1.sample_service_pb2 import SamplePreview, SamplePrivacy
from privacy_svc import preparations
from privacy_svc.anonymisation import anonymise, subject_of
from privacy_svc.keystore import Keystore
from privacy_svc.policy import Policy
from privacy_svc.preview import preview
from privacy_svc.studies import Studies
from privacy_svc.validation import InvalidSample

Context = grpc.aio.ServicerContext
Result = TypeVar("Result")

_LARGE = 8 * 1024
"""Bytes of a raw sample from which it is anonymised beside the event loop; ordinary ones take a few kilobytes."""

_ALL_CLASSES = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE)


class PrivacyServicer(privacy_service_pb2_grpc.PrivacyServiceServicer):
    """Decides on samples and readers."""

    def __init__(self, database: Database, keystore: Keystore, policy: Policy, studies: Studies) -> None:
        self._database = database
        self._keystore = keystore
        self._policy = policy
        self._studies = studies
        self._large = ThreadPoolExecutor(1, "anonymise")

    async def PrepareSample(self, request: pb.PrepareSampleRequest, context: Context) -> pb.PrepareSampleResponse:
        raw, account_id = request.sample, UUID(request.principal.user_id)
        if not raw.study and not self._studies.knows_default_of(account_id):
            # It is about to be made, and a call that comes too late must change nothing.
            async with self._database.connection() as connection:
                await preparations.check_open(connection, UUID(request.sample_id), account_id, request.fencing_token)
        study = await self._study(raw.study, account_id)
        try:
            result = await self._work(
                raw, partial(anonymise, raw, self._policy, partial(self._keystore.pseudonym, str(study)))
            )
        except InvalidSample as error:
            raise InvalidRequest(violations=error.violations) from None
        subject = subject_of(raw, self._policy)
        async with self._database.connection() as connection:
            consents = await preparations.prepare(
                connection,
                UUID(request.sample_id),
                account_id,
                self._keystore.consent_subject(subject) if subject else None,
                self._policy.version,
                result.actions,
                len(result.dropped_fields),
                request.fencing_token,
            )
        sample = result.sample
        sample.id, sample.study = request.sample_id, str(study)
        return pb.PrepareSampleResponse(
            sample=sample,
            classes=result.classes,
            dropped_fields=result.dropped_fields,
            consents=[str(consent) for consent in consents],
            policy_version=self._policy.version,
            grants=grants_of(request.principal),
        )

    async def PreviewSample(self, request: pb.PreviewSampleRequest, context: Context) -> SamplePreview:
        return await self._work(request.sample, partial(preview, request.sample, self._policy))

    async def _work(self, raw: RawSample, work: Callable[[], Result]) -> Result:
        if raw.ByteSize() <= _LARGE:
            return work()
        # Seconds of work must not keep others waiting, nor health checks; one at a time.
        return await asyncio.get_running_loop().run_in_executor(self._large, work)

    async def _study(self, given: str, account_id: UUID) -> UUID:
        if not given:
            return await self._studies.default_of(account_id)
        try:
            study = UUID(given)
        except ValueError:
            # anonymise() names every other violation beside this one; any study does for that.
            return await self._studies.default_of(account_id)
        await self._studies.check_writable(study, account_id)
        return study

    async def DiscardSample(self, request: pb.DiscardSampleRequest, context: Context) -> pb.DiscardSampleResponse:
        async with self._database.connection() as connection:
            await preparations.discard(connection, UUID(request.sample_id), request.fencing_token)
        return pb.DiscardSampleResponse()

    async def GetGrants(self, request: pb.GetGrantsRequest, context: Context) -> pb.Grants:
        return grants_of(request.principal)

    async def GetPrivacyStatus(self, request: pb.GetPrivacyStatusRequest, context: Context) -> SamplePrivacy:
        async with self._database.connection() as connection:
            return await preparations.status(connection, UUID(request.sample_id))


def grants_of(principal: Principal) -> pb.Grants:
    """Return what an account may see: its own samples whole; of others what is public, or all for a steward."""
    oversees = ROLE_STEWARD in principal.roles
    everywhere = _ALL_CLASSES if oversees else (FIELD_CLASS_PUBLIC,)
    return pb.Grants(everywhere=everywhere, own=_ALL_CLASSES, oversees=oversees)
