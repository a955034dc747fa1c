"""Errors of the operators' calls on sagas."""

import grpc

from chassis.errors import AppError

SAGA_TAKEN_OVER = "SAGA_TAKEN_OVER"
"""The reason that a callee returns for an outdated fencing token: the saga was taken over, or undone."""


class SagaNotFound(AppError):
    """No saga has this id. Finished sagas are kept for a day, undone ones for a week."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAGA_NOT_FOUND"


class SagaNotParked(AppError):
    """The saga is not parked, and only a parked saga can be retried."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_PARKED"


class SagaDefinitionUnknown(AppError):
    """This gateway does not know the saga's version: call a gateway of the release that began the saga, or later."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_DEFINITION_UNKNOWN"


class SagaNotCancellable(AppError):
    """The saga has passed its pivot or has ended, so it can no longer be cancelled."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_CANCELLABLE"
