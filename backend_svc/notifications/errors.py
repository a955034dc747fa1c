"""Errors about subscriptions."""

import grpc

from chassis.errors import AppError


class SubscriptionNotFound(AppError):
    """The subscription does not exist, or it belongs to another account."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SUBSCRIPTION_NOT_FOUND"
