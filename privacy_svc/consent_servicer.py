"""ConsentService: what accounts and stewards do with consents."""

from uuid import UUID

import grpc

from chassis import calls, paging
from chassis.database import Database
from chassis.errors import InvalidRequest
from chassis.violations import Violation
from fairdb.options.v1.access_pb2 import ROLE_STEWARD
from fairdb.privacy.v1 import consent_service_pb2 as pb
from fairdb.privacy.v1 import consent_service_pb2_grpc
from privacy_svc import consents
from privacy_svc.characters import normalise_subject
from privacy_svc.keystore import Keystore
from privacy_svc.quarantine import Quarantine

Context = grpc.aio.ServicerContext


class ConsentServicer(consent_service_pb2_grpc.ConsentServiceServicer):
    """Grants, lists and withdraws consents."""

    def __init__(self, database: Database, keystore: Keystore, quarantine: Quarantine) -> None:
        self._database = database
        self._keystore = keystore
        self._quarantine = quarantine

    async def GrantConsent(self, request: pb.GrantConsentRequest, context: Context) -> pb.Consent:
        subject_hash = None
        if request.subject:
            if not normalise_subject(request.subject):
                raise InvalidRequest(violations=[Violation("subject", "must name the donor, or be left out")])
            subject_hash = self._keystore.consent_subject(request.subject)
        account_id = UUID(calls.current().caller.user_id)
        async with self._database.transaction() as connection:
            return await consents.grant(connection, account_id, request.purpose, subject_hash)

    async def ListConsents(self, request: pb.ListConsentsRequest, context: Context) -> pb.ListConsentsResponse:
        caller = calls.current().caller
        account_id = None if ROLE_STEWARD in caller.roles else UUID(caller.user_id)
        async with self._database.connection() as connection:
            return await consents.list_page(
                connection, account_id, request.page_size or paging.DEFAULT_PAGE_SIZE, request.page_token
            )

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: Context) -> pb.Consent:
        caller = calls.current().caller
        consent_id, actor = UUID(request.id), UUID(caller.user_id)
        async with self._database.transaction() as connection:
            consent = await consents.withdraw(connection, consent_id, actor, any_account=ROLE_STEWARD in caller.roles)
        await self._quarantine.carry(consent_id, actor)
        return consent
