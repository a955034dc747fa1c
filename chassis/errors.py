"""Errors that callers see: one hierarchy, and its form on the wire (`google.rpc.Status`).

Raise an `AppError` from anywhere; the server's pipeline turns it into a status. A remote service's error comes back
as a `RemoteError` and passes on as it is. Nothing else calls `context.abort`.
"""

from collections.abc import Iterable, Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from fairdatabase.violations import Violation

DOMAIN = "fairdatabase.org"


class AppError(Exception):
    """Something went wrong."""

    code = grpc.StatusCode.INTERNAL
    reason = "INTERNAL"
    retry_after: float | None = None
    """Seconds after which the same call may succeed."""
    http_code = ""
    """HTTP status over REST, where the one that stands for `code` will not do; the edge knows which it takes."""

    def __init__(self, *, violations: Iterable[Violation] = (), **metadata: str) -> None:
        self.violations = tuple(violations)
        self.metadata: Mapping[str, str] = metadata
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The class's docstring, which is written for the caller."""
        return " ".join((type(self).__doc__ or "").split())

    def to_status(self) -> Status:
        """Return what the caller receives."""
        packed = [_pack(ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.metadata))]
        if self.violations:
            violations = [
                BadRequest.FieldViolation(field=item.field, description=item.description) for item in self.violations
            ]
            packed.append(_pack(BadRequest(field_violations=violations)))
        if self.retry_after is not None:
            delay = Duration()
            delay.FromMilliseconds(round(self.retry_after * 1000))
            packed.append(_pack(RetryInfo(retry_delay=delay)))
        return Status(code=self.code.value[0], message=self.message, details=packed)


def _pack(message: ErrorInfo | BadRequest | RetryInfo) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed


class InvalidRequest(AppError):
    """The request breaks a rule; the field violations say what to mend."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class MalformedRequest(AppError):
    """The request is no message of this method: text must be UTF-8, and fields as its proto says."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"


class Unauthenticated(AppError):
    """A valid access token is needed: log in and send it as 'Authorization: Bearer <token>'."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class TokenRevoked(AppError):
    """The token was revoked: log in again."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "TOKEN_REVOKED"


class AccessDenied(AppError):
    """The caller may not make this call."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "ACCESS_DENIED"


class PageTokenInvalid(AppError):
    """The page token was not issued for this query: start again without one."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"


class ServiceUnavailable(AppError):
    """A part that this call needs is away; try again shortly."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVICE_UNAVAILABLE"
    retry_after = 1.0


class NotSent(ServiceUnavailable):
    """A part that this call needs is away; try again shortly."""


class DeadlineExceeded(AppError):
    """The call did not end in time; whether it took effect is unknown."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class Expired(DeadlineExceeded):
    """The call's time was over before it was made; nothing was done."""


class Internal(AppError):
    """Something failed on our side; the correlation id finds it in our logs."""


class RemoteError(AppError):
    """Another service's answer to what the caller asked for, passed on."""

    def __init__(self, service: str, status: Status, info: ErrorInfo) -> None:
        self.service = service
        self._status = status
        self.code = CODES[status.code]
        self.reason = info.reason
        super().__init__()
        self.metadata = info.metadata

    @property
    def message(self) -> str:
        return self._status.message

    def to_status(self) -> Status:
        return self._status


CODES = {code.value[0]: code for code in grpc.StatusCode}

_FAULTS_OF_OURS = frozenset({"INTERNAL", "UNAUTHENTICATED", "TOKEN_REVOKED", "ACCESS_DENIED"})
"""Reasons that, coming from a service that we called, say something of us and nothing of our caller."""


def from_rpc_error(service: str, error: grpc.aio.AioRpcError) -> AppError:
    """Return the error to raise when a call to `service` failed."""
    status = _status_of(error) or Status()
    status.code = error.code().value[0]
    return from_status(service, status)


def from_status(service: str, status: Status) -> AppError:
    """Return the error to raise when `service` answered a call with a status other than OK."""
    if CODES[status.code] == grpc.StatusCode.UNAVAILABLE:
        return ServiceUnavailable(service=service)
    if CODES[status.code] == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(service=service)
    for detail in status.details:
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN and info.reason not in _FAULTS_OF_OURS:
            return RemoteError(service, status, info)
    return Internal()


def _status_of(error: grpc.aio.AioRpcError) -> Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return Status.FromString(value)
    return None
