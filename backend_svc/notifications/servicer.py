"""BackendNotificationService."""

from uuid import UUID

import grpc

from backend_svc.notifications import store
from chassis.storage.database import Database
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.backend.v1 import backend_service_pb2_grpc
from fairdb.samples.v1.notification_service_pb2 import (
    DeleteSubscriptionResponse,
    ListNotificationsResponse,
    ListSubscriptionsResponse,
    Subscription,
)

Context = grpc.aio.ServicerContext


class BackendNotificationServicer(backend_service_pb2_grpc.BackendNotificationServiceServicer):
    """Subscriptions and notifications of researchers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def AddSubscription(self, request: pb.AddSubscriptionRequest, context: Context) -> Subscription:
        return await store.add(self._database, UUID(request.principal.user_id), request.subscription)

    async def ListAccountSubscriptions(
        self, request: pb.ListAccountSubscriptionsRequest, context: Context
    ) -> ListSubscriptionsResponse:
        found = await store.list_subscriptions(self._database, UUID(request.principal.user_id))
        return ListSubscriptionsResponse(subscriptions=found)

    async def RemoveSubscription(
        self, request: pb.RemoveSubscriptionRequest, context: Context
    ) -> DeleteSubscriptionResponse:
        await store.remove(self._database, UUID(request.principal.user_id), UUID(request.id))
        return DeleteSubscriptionResponse()

    async def ListAccountNotifications(
        self, request: pb.ListAccountNotificationsRequest, context: Context
    ) -> ListNotificationsResponse:
        return await store.list_notifications(self._database, request)
