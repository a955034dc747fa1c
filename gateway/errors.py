"""What the gateway itself refuses."""

import grpc

from chassis.errors import AppError


class SagaNotFound(AppError):
    """There is no such saga, or it ended so long ago that it is forgotten."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SAGA_NOT_FOUND"


class SagaNotParked(AppError):
    """Only a parked saga can be retried."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_PARKED"


class SagaDefinitionUnknown(AppError):
    """This gateway does not know the version of the saga: ask one of the release that began it, or of a later one."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_DEFINITION_UNKNOWN"


class SagaNotCancellable(AppError):
    """The saga is past its pivot, or has ended: it cannot be cancelled any more."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "SAGA_NOT_CANCELLABLE"
