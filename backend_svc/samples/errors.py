"""Errors of storing, finding and listing samples."""

import grpc

from chassis.errors import AppError


class ConsentWithdrawn(AppError):
    """A consent that the sample depends on was withdrawn."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "CONSENT_WITHDRAWN"


class IdempotencyKeyReused(AppError):
    """The Idempotency-Key belongs to a different request: choose a new key for a new request."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "IDEMPOTENCY_KEY_REUSED"


class SampleNotFound(AppError):
    """The sample does not exist, or you may not see it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAMPLE_NOT_FOUND"


class SagaTakenOver(AppError):
    """Another process took over, or undid, the saga that makes this call."""

    code = grpc.StatusCode.ABORTED
    reason = "SAGA_TAKEN_OVER"
