"""Errors of subscriptions."""

import grpc

from chassis.errors import AppError


class SubscriptionNotFound(AppError):
    """The subscription does not exist, or it is another account's."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SUBSCRIPTION_NOT_FOUND"
