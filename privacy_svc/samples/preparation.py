"""Preparation: chooses a sample's study, anonymises the sample, checks consent and records the preparation."""

from functools import partial
from uuid import UUID

from chassis.errors import InvalidRequest
from chassis.storage.database import Database
from fairdatabase.policy.access.grants import grants_of
from fairdatabase.policy.records.anonymisation import Anonymiser, InvalidSample
from fairdatabase.policy.text.characters import normalise_subject
from fairdatabase.policy.text.occasions import donor_in
from fairdb.privacy.v1.privacy_service_pb2 import PrepareSampleRequest, PrepareSampleResponse
from privacy_svc.keystore import Keystore
from privacy_svc.samples import store
from privacy_svc.samples.errors import ConsentRequired, SagaTakenOver
from privacy_svc.samples.large_samples import LargeSamples
from privacy_svc.samples.recording import NewPreparation, Recorder
from privacy_svc.studies.errors import StudyNotFound
from privacy_svc.studies.store import Studies


class Preparation:
    """Prepares samples."""

    def __init__(
        self, database: Database, keystore: Keystore, anonymiser: Anonymiser, studies: Studies, large: LargeSamples
    ) -> None:
        self._database = database
        self._keystore = keystore
        self._anonymiser = anonymiser
        self._policy = anonymiser.policy
        self._studies = studies
        self._large = large
        self._recorder = Recorder(database)

    async def prepare(self, request: PrepareSampleRequest) -> PrepareSampleResponse:
        """Anonymise a sample and record its preparation; a refused call leaves no preparation.

        Raises ConsentRequired, InvalidRequest, StudyNotFound, SagaTakenOver.
        """
        try:
            return await self._prepare(request)
        except (InvalidRequest, ConsentRequired, StudyNotFound):
            # An earlier attempt may have succeeded although its response was lost: discard what it recorded.
            async with self._database.connection() as connection:
                await store.discard_existing(connection, UUID(request.sample_id), request.fencing_token)
            raise

    async def _prepare(self, request: PrepareSampleRequest) -> PrepareSampleResponse:
        raw, account_id = request.sample, UUID(request.principal.user_id)
        study = await self._study(request, account_id)
        try:
            result = await self._large.run(
                raw, partial(self._anonymiser.anonymise, raw, partial(self._keystore.pseudonym, str(study)))
            )
        except InvalidSample as error:
            raise InvalidRequest(violations=error.violations) from None
        recorded = await self._recorder.record(
            NewPreparation(
                UUID(request.sample_id),
                account_id,
                study,
                self._keystore.consent_subject(result.subject) if result.subject else None,
                self._policy.version,
                result.actions,
                len(result.dropped_fields),
                request.fencing_token,
            )
        )
        sample = result.sample
        sample.id, sample.study = request.sample_id, str(study)
        donor = donor_in(result.subject) if result.subject else ""
        has_occasion = bool(result.subject) and donor != normalise_subject(result.subject)
        return PrepareSampleResponse(
            sample=sample,
            classes=result.classes,
            dropped_fields=result.dropped_fields,
            drop_reasons=result.drop_reasons,
            consents=[str(consent) for consent in recorded.consents],
            policy_version=self._policy.version,
            # The sender owns the sample, so study grants would add nothing.
            grants=grants_of(request.principal, ()),
            data_use=recorded.data_use,
            counted_as=self._keystore.pseudonym(str(study), donor) if has_occasion else sample.subject,
        )

    async def _study(self, request: PrepareSampleRequest, account_id: UUID) -> UUID:
        try:
            study = UUID(request.sample.study)
        except ValueError:
            # The id is empty or malformed. anonymise() reports a malformed id with all other violations, so any study
            # will do here.
            return await self._default_study(request, account_id)
        await self._studies.check_writable(study, account_id)
        return study

    async def _default_study(self, request: PrepareSampleRequest, account_id: UUID) -> UUID:
        if not self._studies.has_cached_default(account_id):
            # Check first: default_of() may create the study, and a call that arrives too late must change nothing.
            async with self._database.connection() as connection:
                is_open = store.is_open(connection, UUID(request.sample_id), account_id, request.fencing_token)
                if await is_open is False:
                    raise SagaTakenOver
        return await self._studies.default_of(account_id)
