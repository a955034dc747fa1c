"""ConsentService: grant, list, find, check and withdraw consents."""

from datetime import UTC, datetime
from uuid import UUID

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from chassis.storage import paging
from chassis.storage.database import Database
from fairdatabase.policy.text.characters import normalise_subject
from fairdatabase.violations import Violation
from fairdb.options.v1.access_pb2 import ROLE_STEWARD
from fairdb.privacy.v1 import consent_service_pb2 as pb
from fairdb.privacy.v1 import consent_service_pb2_grpc
from privacy_svc.consent import store
from privacy_svc.consent.grant_request import NAMELESS_SUBJECT, to_wording
from privacy_svc.consent.quarantine import Quarantine
from privacy_svc.consent.store import Scope
from privacy_svc.keystore import Keystore
from privacy_svc.studies.errors import StudyNotFound
from privacy_svc.studies.store import Studies

Context = grpc.aio.ServicerContext


class ConsentServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """Serves consents. Stewards act on every account's consents, others on their own."""

    def __init__(self, database: Database, keystore: Keystore, studies: Studies, quarantine: Quarantine) -> None:
        self._database = database
        self._keystore = keystore
        self._studies = studies
        self._quarantine = quarantine

    async def GrantConsent(self, request: pb.GrantConsentRequest, context: Context) -> pb.Consent:
        wording = to_wording(request, datetime.now(UTC))
        account_id, study_id = UUID(call_context.current().caller.user_id), _to_id(request.study)
        if study_id is not None:
            await self._check_study(study_id, account_id)
        scope = Scope(account_id, request.purpose, self._hash(request.subject), study_id)
        async with self._database.transaction() as connection:
            return await store.grant(connection, scope, wording)

    async def ListConsents(self, request: pb.ListConsentsRequest, context: Context) -> pb.ListConsentsResponse:
        size = request.page_size or paging.DEFAULT_PAGE_SIZE
        async with self._database.connection() as connection:
            return await store.list_page(
                connection, _visible_account(), size, request.page_token, request.purpose, request.in_force
            )

    async def FindConsents(self, request: pb.FindConsentsRequest, context: Context) -> pb.ListConsentsResponse:
        subject_hash, size = self._hash(request.subject), request.page_size or paging.DEFAULT_PAGE_SIZE
        if subject_hash is None:
            raise InvalidRequest(violations=[Violation("subject", "must name the donor")])
        hashes = [subject_hash, self._keystore.former_consent_subject(request.subject)]
        async with self._database.connection() as connection:
            return await store.find_page(connection, hashes, _visible_account(), size, request.page_token)

    async def CheckConsent(self, request: pb.CheckConsentRequest, context: Context) -> pb.CheckConsentResponse:
        subject_hash = self._hash(request.subject)
        if request.subject and subject_hash is None:
            raise InvalidRequest(violations=[NAMELESS_SUBJECT])
        scope = Scope(UUID(request.account), request.purpose, subject_hash, _to_id(request.study))
        async with self._database.connection() as connection:
            consent = await store.find_covering(connection, scope)
        return pb.CheckConsentResponse(in_force=consent is not None, consent=consent)

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: Context) -> pb.Consent:
        caller = call_context.current().caller
        consent_id, actor = UUID(request.id), UUID(caller.user_id)
        async with self._database.transaction() as connection:
            withdrawn = await store.withdraw(connection, consent_id, actor, any_account=ROLE_STEWARD in caller.roles)
        for consent in withdrawn:
            await self._quarantine.forward(UUID(consent.id), actor)
        return withdrawn[0]

    def _hash(self, subject: str) -> bytes | None:
        """Return the donor's consent handle, or None if the subject is empty after normalisation."""
        return self._keystore.consent_subject(subject) if normalise_subject(subject) else None

    async def _check_study(self, study_id: UUID, account_id: UUID) -> None:
        try:
            await self._studies.check_writable(study_id, account_id)
        except StudyNotFound:
            advice = "must be the id of a study to which you may add samples; leave it out to cover all your studies"
            raise StudyNotFound(violations=[Violation("study", advice)]) from None


def _visible_account() -> UUID | None:
    """Return the account whose consents the caller may list, or None for all accounts."""
    caller = call_context.current().caller
    return None if ROLE_STEWARD in caller.roles else UUID(caller.user_id)


def _to_id(text: str) -> UUID | None:
    return UUID(text) if text else None
