"""Envoy's own error replies, in the shape of all our errors: google.rpc.Status.

Envoy's error texts reveal its configuration. The transcoder's error texts quote the request, which may contain a
person's name. So each reply gets a fixed text.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from chassis import ERROR_DOMAIN
from edge.contract import CLUSTERS, UPSTREAMS
from edge.typed import Config, explained, shared
from fairdb.errors.v1.error_reason_pb2 import ErrorReason

# answers.lua sets this header on calls that arrived as gRPC, because the transcoder gives REST calls the content type
# of gRPC.
NATIVE_HEADER = "x-edge-native"
# bodies.lua sets this header on requests that it rejects, to the status of the answer.
PROBLEM_HEADER = "x-edge-problem"
RETRY_AFTER = 1  # seconds; by then, health checks have noticed a recovery

# The id that the Lua filter chose, or a new one for a request that was rejected before that filter.
CORRELATION_ID = (
    '%COALESCE({"operators":[{"command":"DYNAMIC_METADATA","param":"fairdb.edge:correlation_id"},"UNIQUE_ID"]})%'
)


@dataclass(frozen=True)
class Reply:
    """One error reply of Envoy."""

    when: Config
    http: int
    code: Code.ValueType
    reason: ErrorReason.ValueType
    message: str
    native_code: Code.ValueType | None = None
    """The code for gRPC callers, where gRPC convention differs from `code`."""
    service: str = ""
    """The unavailable service."""
    retry: bool = False


def status_is(status: int, comparison: str = "EQ") -> Config:
    """Match replies by HTTP status."""
    value = {"default_value": status, "runtime_key": "edge.unused"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def header_is(name: str, match: Config) -> Config:
    """Match replies by a request header."""
    return {"header_filter": {"header": {"name": name, **match}}}


def flag_is(flag: str) -> Config:
    """Match replies by response flag, Envoy's short code for the cause."""
    return {"response_flag_filter": {"flags": [flag]}}


def both(first: Config, second: Config) -> Config:
    """Match replies that both filters match."""
    return {"and_filter": {"filters": [first, second]}}


def either(filters: Iterable[Config]) -> Config:
    """Match replies that at least one filter matches."""
    listed = list(filters)
    # An or_filter needs two filters or more. One regular expression for all would exceed Envoy's size limit.
    return {"or_filter": {"filters": listed}} if len(listed) > 1 else listed[0]


def _overloaded(when: Config) -> Reply:
    return Reply(
        when,
        429,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_OVERLOADED,
        "Too many requests at the moment; retry shortly.",
        retry=True,
    )


def _upstream_replies(cluster: str, also: Config | None = None) -> Iterator[Reply]:
    """Yield the replies for an upstream that is unavailable or broken.

    They match by the RPC's path, which a REST call also has after the transcoder.
    """
    paths = (
        header_is(":path", {"string_match": {"prefix": f"/{service}/"}})
        for service, served_by in UPSTREAMS.items()
        if served_by == cluster
    )
    called = shared(f"calls_of_{cluster}", either(paths))
    for status in (502, 503):
        when = both(status_is(status), called)
        yield Reply(
            both(when, also) if also else when,
            status,
            Code.UNAVAILABLE,
            ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE,
            "A required service is unavailable; retry shortly.",
            service=cluster,
            retry=True,
        )


# The first reply that matches applies.
REPLIES = (
    # Envoy answers 403 to a token for another audience. Here it counts as a missing token.
    *(
        Reply(
            status_is(status),
            401,
            Code.UNAUTHENTICATED,
            ErrorReason.ERROR_REASON_UNAUTHENTICATED,
            "This call requires a valid access token: log in, then send the header 'Authorization: Bearer <token>'.",
        )
        for status in (401, 403)
    ),
    Reply(
        status_is(404),
        404,
        Code.NOT_FOUND,
        ErrorReason.ERROR_REASON_ROUTE_NOT_FOUND,
        "The path does not exist, or it does not support this HTTP method.",
        native_code=Code.UNIMPLEMENTED,
    ),
    Reply(
        status_is(408),
        408,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The request did not arrive completely in time.",
    ),
    Reply(
        status_is(413),
        413,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE,
        "The request exceeds the limit of 1 MB.",
    ),
    Reply(
        status_is(431),
        431,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE,
        "The request headers exceed the limit of 32 KB or 100 headers.",
    ),
    _overloaded(status_is(429)),
    # The connection to a service broke during a call without an idempotency key. Do not suggest a retry, because it
    # could create a second sample.
    Reply(
        both(flag_is("UC"), header_is("idempotency-key", {"present_match": False})),
        504,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The connection to a service broke during this call, which may have taken effect. Send an Idempotency-Key to"
        " make a call safe to repeat.",
    ),
    # UF (upstream unreachable) must precede UO (the circuit breaker's limit): a call to an unreachable upstream has
    # both flags if the limit stopped its retries.
    *(reply for cluster in CLUSTERS for reply in _upstream_replies(cluster, flag_is("UF"))),
    # Envoy answers 503 at a circuit breaker's limit, although no service is unavailable.
    _overloaded(flag_is("UO")),
    *(reply for cluster in CLUSTERS for reply in _upstream_replies(cluster)),
    # Any other 503 comes from the overload manager, before an upstream was chosen.
    _overloaded(status_is(503)),
    Reply(
        status_is(504),
        504,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The call did not finish in time. It may still take effect.",
    ),
    # The HTTP parser refuses a Transfer-Encoding other than chunked.
    Reply(
        status_is(501),
        501,
        Code.UNIMPLEMENTED,
        ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
        "This Transfer-Encoding is not supported: send the body chunked, or with a Content-Length.",
    ),
    Reply(
        status_is(500, "GE"),
        500,
        Code.INTERNAL,
        ErrorReason.ERROR_REASON_INTERNAL,
        "Internal error. Report the X-Correlation-ID of this answer: it identifies the request in the logs.",
    ),
    # bodies.lua says what is wrong.
    *(
        Reply(
            header_is(PROBLEM_HEADER, {"string_match": {"exact": str(status)}}),
            status,
            Code.INVALID_ARGUMENT,
            reason,
            "%DYNAMIC_METADATA(fairdb.edge:problem)%",
        )
        for status, reason in (
            (400, ErrorReason.ERROR_REASON_MALFORMED_REQUEST),
            (415, ErrorReason.ERROR_REASON_MEDIA_TYPE_UNSUPPORTED),
        )
    ),
    # All other rejections: by the transcoder, the HTTP parser, path normalisation.
    Reply(
        status_is(400, "GE"),
        400,
        Code.INVALID_ARGUMENT,
        ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
        "The request is malformed. The body must be JSON with the documented fields and types, all query parameters"
        " must be documented, and the path must not contain encoded slashes.",
    ),
)


def build_local_replies() -> Config:
    """Return Envoy's local_reply_config."""
    mappers = [mapper for reply in REPLIES for mapper in (_native_mapper(reply), _rest_mapper(reply))]
    return explained(
        "Replaces Envoy's own error replies by google.rpc.Status. Each has two mappers, for gRPC and for REST callers."
        " The first match applies.",
        {"mappers": mappers},
    )


def _native_mapper(reply: Reply) -> Config:
    """Return the reply for a gRPC caller: status, message, and google.rpc.Status in the trailer that libraries read."""
    code = reply.code if reply.native_code is None else reply.native_code
    # gRPC sends binary headers as base64 without padding.
    details = base64.b64encode(_status(reply, code).SerializeToString(deterministic=True)).decode().rstrip("=")
    return {
        "filter": both(_NATIVE, reply.when),
        # Envoy sends this text as grpc-message.
        "body_format_override": {"text_format_source": {"inline_string": reply.message}},
        "headers_to_add": [
            _header("grpc-status", str(int(code))),
            _header("grpc-status-details-bin", details),
            _CORRELATION_ID_HEADER,
        ],
    }


def _rest_mapper(reply: Reply) -> Config:
    headers = [_CORRELATION_ID_HEADER]
    if reply.http == 401:
        headers.append(_header("www-authenticate", "Bearer"))
    if reply.retry:
        headers.append(_header("retry-after", str(RETRY_AFTER)))
    return {
        "filter": reply.when,
        "status_code": reply.http,
        "body_format_override": {
            "text_format_source": {"inline_string": _to_json(_status(reply, reply.code))},
            "content_type": "application/json",
        },
        "headers_to_add": headers,
    }


def _status(reply: Reply, code: Code.ValueType) -> Status:
    reason = ErrorReason.Name(reply.reason).removeprefix("ERROR_REASON_")
    metadata = {"service": reply.service} if reply.service else {}
    status = Status(code=code, message=reply.message)
    status.details.add().Pack(ErrorInfo(reason=reason, domain=ERROR_DOMAIN, metadata=metadata))
    if reply.retry:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER)))
    return status


def _to_json(status: Status) -> str:
    """Return JSON as the transcoder prints it, with empty fields."""
    return MessageToJson(status, indent=None, always_print_fields_with_no_presence=True)


def _header(name: str, value: str) -> Config:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


_NATIVE = shared("is_grpc", header_is(NATIVE_HEADER, {"present_match": True}))
_CORRELATION_ID_HEADER = shared("correlation_id", _header("x-correlation-id", CORRELATION_ID))
