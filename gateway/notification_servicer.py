"""NotificationService: forwards calls about the caller's own subscriptions and notifications to backend_svc."""

from typing import TYPE_CHECKING
from uuid import UUID

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from chassis.storage import paging
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import (
    AddSubscriptionRequest,
    ListAccountNotificationsRequest,
    ListAccountSubscriptionsRequest,
    RemoveSubscriptionRequest,
)
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import GetGrantsRequest, PreviewSampleRequest
from fairdb.samples.v1 import notification_service_pb2 as pb
from fairdb.samples.v1 import notification_service_pb2_grpc
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.samples.errors import StudyNotFound

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


Context = grpc.aio.ServicerContext


class NotificationServicer(notification_service_pb2_grpc.NotificationServiceServicer):
    """The caller's subscriptions and notifications."""

    def __init__(self, backend: "BackendNotificationServiceAsyncStub", privacy: "PrivacyServiceAsyncStub") -> None:
        self._backend = backend
        self._privacy = privacy

    async def CreateSubscription(self, request: pb.CreateSubscriptionRequest, context: Context) -> pb.Subscription:
        principal = call_context.current().caller.principal
        if request.subscription.organism:
            await self._check_organism(request.subscription.organism)
        else:
            await self._check_study(UUID(request.subscription.study), principal)
        return await self._backend.AddSubscription(
            AddSubscriptionRequest(principal=principal, subscription=request.subscription)
        )

    async def _check_study(self, study: UUID, principal: Principal) -> None:
        """Raise StudyNotFound unless the account may read the study, as if it did not exist."""
        grants = await self._privacy.GetGrants(GetGrantsRequest(principal=principal))
        if not grants.oversees and str(study) not in {grant.study for grant in grants.studies}:
            raise StudyNotFound

    async def _check_organism(self, name: str) -> None:
        """Raise InvalidRequest if the name cannot be an organism. It would match no sample and may name a person."""
        preview = await self._privacy.PreviewSample(PreviewSampleRequest(sample=RawSample(organism=name)))
        if preview.violations:
            raise InvalidRequest(
                violations=[Violation("subscription.organism", item.description) for item in preview.violations]
            )

    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, context: Context
    ) -> pb.ListSubscriptionsResponse:
        principal = call_context.current().caller.principal
        return await self._backend.ListAccountSubscriptions(ListAccountSubscriptionsRequest(principal=principal))

    async def DeleteSubscription(
        self, request: pb.DeleteSubscriptionRequest, context: Context
    ) -> pb.DeleteSubscriptionResponse:
        principal = call_context.current().caller.principal
        return await self._backend.RemoveSubscription(RemoveSubscriptionRequest(principal=principal, id=request.id))

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        principal = call_context.current().caller.principal
        grants = await self._privacy.GetGrants(GetGrantsRequest(principal=principal))
        return await self._backend.ListAccountNotifications(
            ListAccountNotificationsRequest(
                principal=principal,
                page_size=request.page_size or paging.DEFAULT_PAGE_SIZE,
                page_token=request.page_token,
                studies=[grant.study for grant in grants.studies],
                oversees=grants.oversees,
            )
        )
