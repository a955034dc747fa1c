"""Errors that callers see: one hierarchy, and its form on the wire (`google.rpc.Status`).

Raise an `AppError` anywhere; the server's pipeline turns it into a status. An error of a called service is raised as a
`RemoteError` and passed on unchanged. Only the pipeline calls `context.abort`.
"""

from collections.abc import Iterable, Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from chassis import ERROR_DOMAIN
from fairdatabase.violations import Violation


class AppError(Exception):
    """The call failed."""

    code = grpc.StatusCode.INTERNAL
    reason = "INTERNAL"
    retry_after: float | None = None
    """Seconds after which to retry the same call."""
    http_code = ""
    """HTTP status over REST, if not the one that `code` maps to. Must be one that envoy/answers.lua accepts."""

    def __init__(self, *, violations: Iterable[Violation] = (), **metadata: str) -> None:
        self.violations = tuple(violations)
        self.metadata: Mapping[str, str] = metadata
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The class's docstring, in one line."""
        return " ".join((type(self).__doc__ or "").split())

    def to_status(self) -> Status:
        """Return the status that the caller receives."""
        packed = [_pack(ErrorInfo(reason=self.reason, domain=ERROR_DOMAIN, metadata=self.metadata))]
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
    """The request is invalid: correct each field listed in the field violations."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class MalformedRequest(AppError):
    """The request cannot be parsed: send the message that the method's proto defines, with text in UTF-8."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "MALFORMED_REQUEST"


class Unauthenticated(AppError):
    """A valid access token is missing: log in and send it as 'Authorization: Bearer <token>'."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class TokenRevoked(AppError):
    """The token was revoked: log in again."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "TOKEN_REVOKED"


class AccessDenied(AppError):
    """Your account or service may not make this call; the details list the roles and services that may."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "ACCESS_DENIED"


class PageTokenInvalid(AppError):
    """The page token does not belong to this query: repeat the query without a page token."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"


class ServiceUnavailable(AppError):
    """A required service is unavailable; retry shortly."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "SERVICE_UNAVAILABLE"
    retry_after = 1.0


class NotSent(ServiceUnavailable):
    """A required service is unavailable, and nothing was sent to it; retry shortly."""


class DeadlineExceeded(AppError):
    """The call did not finish in time; it may or may not have taken effect."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class Expired(DeadlineExceeded):
    """The deadline passed before the call was made; nothing was done."""


class Internal(AppError):
    """The platform failed; report the correlation id to its operator."""


class RemoteError(AppError):
    """An error of a called service, passed on to the caller."""

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

_PLATFORM_FAULTS = frozenset({"INTERNAL", "UNAUTHENTICATED", "TOKEN_REVOKED", "ACCESS_DENIED"})
"""If a called service returns one of these reasons, the platform is at fault, not our caller."""


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
        if detail.Unpack(info) and info.domain == ERROR_DOMAIN and info.reason not in _PLATFORM_FAULTS:
            return RemoteError(service, status, info)
    return Internal()


def _status_of(error: grpc.aio.AioRpcError) -> Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return Status.FromString(value)
    return None
