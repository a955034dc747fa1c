"""ConsentService: what accounts and stewards do with consents."""

from datetime import UTC, datetime, timedelta
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
from privacy_svc.consent import consents
from privacy_svc.consent.consents import Scope, Wording
from privacy_svc.consent.quarantine import Quarantine
from privacy_svc.data_use.duo import find_violations
from privacy_svc.errors import StudyNotFound
from privacy_svc.keystore import Keystore
from privacy_svc.studies.store import Studies

Context = grpc.aio.ServicerContext

_LONGEST = timedelta(days=36525)
_DONOR = "must name the donor, or be left out"


class ConsentServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """Grants, lists, finds, checks and withdraws consents."""

    def __init__(self, database: Database, keystore: Keystore, studies: Studies, quarantine: Quarantine) -> None:
        self._database = database
        self._keystore = keystore
        self._studies = studies
        self._quarantine = quarantine

    async def GrantConsent(self, request: pb.GrantConsentRequest, context: Context) -> pb.Consent:
        now = datetime.now(UTC)
        violations = find_violations(request.data_use, "dataUse", now.date())
        if request.subject and not normalise_subject(request.subject):
            violations.append(Violation("subject", _DONOR))
        expires_at = _to_expiry(request, now)
        if expires_at is None and request.HasField("expire_time"):
            violations.append(Violation("expireTime", "must be a time to come, within the next 100 years"))
        if violations:
            raise InvalidRequest(violations=violations)
        account_id, study_id = UUID(call_context.current().caller.user_id), _to_id(request.study)
        if study_id is not None:
            await self._check_study(study_id, account_id)
        scope = Scope(account_id, request.purpose, self._hash(request.subject), study_id)
        wording = Wording(request.data_use, request.text_version, expires_at)
        async with self._database.transaction() as connection:
            return await consents.grant(connection, scope, wording)

    async def ListConsents(self, request: pb.ListConsentsRequest, context: Context) -> pb.ListConsentsResponse:
        caller = call_context.current().caller
        account_id = None if ROLE_STEWARD in caller.roles else UUID(caller.user_id)
        async with self._database.connection() as connection:
            return await consents.list_page(
                connection,
                account_id,
                request.page_size or paging.DEFAULT_PAGE_SIZE,
                request.page_token,
                request.purpose,
                request.in_force,
            )

    async def FindConsents(self, request: pb.FindConsentsRequest, context: Context) -> pb.ListConsentsResponse:
        caller = call_context.current().caller
        account_id = None if ROLE_STEWARD in caller.roles else UUID(caller.user_id)
        subject_hash, page_size = self._hash(request.subject), request.page_size or paging.DEFAULT_PAGE_SIZE
        if subject_hash is None:
            raise InvalidRequest(violations=[Violation("subject", "must name the donor")])
        async with self._database.connection() as connection:
            return await consents.find_page(connection, subject_hash, account_id, page_size, request.page_token)

    async def CheckConsent(self, request: pb.CheckConsentRequest, context: Context) -> pb.CheckConsentResponse:
        subject_hash = self._hash(request.subject)
        if request.subject and subject_hash is None:
            raise InvalidRequest(violations=[Violation("subject", _DONOR)])
        scope = Scope(UUID(request.account), request.purpose, subject_hash, _to_id(request.study))
        async with self._database.connection() as connection:
            consent = await consents.find_covering(connection, scope)
        return pb.CheckConsentResponse(in_force=consent is not None, consent=consent)

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: Context) -> pb.Consent:
        caller = call_context.current().caller
        consent_id, actor = UUID(request.id), UUID(caller.user_id)
        async with self._database.transaction() as connection:
            withdrawn = await consents.withdraw(connection, consent_id, actor, any_account=ROLE_STEWARD in caller.roles)
        for consent in withdrawn:
            await self._quarantine.carry(UUID(consent.id), actor)
        return withdrawn[0]

    def _hash(self, subject: str) -> bytes | None:
        """Return the donor's handle; None for the account itself, or for a text that names nobody."""
        return self._keystore.consent_subject(subject) if normalise_subject(subject) else None

    async def _check_study(self, study_id: UUID, account_id: UUID) -> None:
        try:
            await self._studies.check_writable(study_id, account_id)
        except StudyNotFound:
            mend = "must be the id of a study that you may add samples to; leave it out for any study of yours"
            raise StudyNotFound(violations=[Violation("study", mend)]) from None


def _to_id(text: str) -> UUID | None:
    """Return the id that a field holds, None for an empty one."""
    return UUID(text) if text else None


def _to_expiry(request: pb.GrantConsentRequest, now: datetime) -> datetime | None:
    """Return when the consent expires; None for never, and for a time that is no future one."""
    try:
        expiry = request.expire_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return expiry if now < expiry < now + _LONGEST else None
