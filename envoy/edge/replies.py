"""The answers that Envoy gives by itself, in the one shape of our errors: google.rpc.Status.

Envoy's own texts say how it is configured, and the transcoder's quote the request, in which a person's name may stand.
So every one of them is replaced by a fixed text.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from edge.contract import CLUSTERS, UPSTREAMS
from edge.typed import Config
from fairdb.errors.v1.error_reason_pb2 import ErrorReason

DOMAIN = "fairdatabase.org"
# Set by answers.lua on calls that arrived as gRPC. The content type cannot tell: the transcoder changes it.
NATIVE_HEADER = "x-edge-native"
# Set by answers.lua on requests that it refuses.
UNKNOWN_FIELD_HEADER = "x-edge-unknown-field"
RETRY_AFTER = 1  # seconds: longer than a health check needs to notice a recovery

# What the Lua filter settled on; a request that was refused before it could run gets an id of its own.
CORRELATION_ID = (
    '%COALESCE({"operators":[{"command":"DYNAMIC_METADATA","param":"fairdb.edge:correlation_id"},"UNIQUE_ID"]})%'
)


@dataclass(frozen=True)
class Reply:
    """One answer of Envoy's."""

    when: Config
    http: int
    code: Code.ValueType
    reason: ErrorReason.ValueType
    message: str
    native_code: Code.ValueType | None = None
    """What a gRPC caller sees instead of `code`, where gRPC has another custom."""
    service: str = ""
    """The part that is away."""
    retry: bool = False


def status_is(status: int, comparison: str = "EQ") -> Config:
    """Match answers by HTTP status."""
    value = {"default_value": status, "runtime_key": "edge.unused"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def header_is(name: str, match: Config) -> Config:
    """Match answers by a header of the request."""
    return {"header_filter": {"header": {"name": name, **match}}}


def flag_is(flag: str) -> Config:
    """Match answers by what Envoy says that happened."""
    return {"response_flag_filter": {"flags": [flag]}}


def both(first: Config, second: Config) -> Config:
    """Match answers that both filters match."""
    return {"and_filter": {"filters": [first, second]}}


def either(filters: Iterable[Config]) -> Config:
    """Match answers that one of the filters matches."""
    listed = list(filters)
    # Envoy takes no or_filter of one. One pattern of all would outgrow what it takes, too.
    return {"or_filter": {"filters": listed}} if len(listed) > 1 else listed[0]


def _overloaded(when: Config) -> Reply:
    return Reply(
        when,
        429,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_OVERLOADED,
        "More requests than can be served now. Try again in a moment.",
        retry=True,
    )


def _upstream_replies(cluster: str, also: Config | None = None) -> Iterator[Reply]:
    """Answer for an upstream that is away or misbehaves; the path is the RPC's, whether or not it was transcoded."""
    called = either(
        header_is(":path", {"string_match": {"prefix": f"/{service}/"}})
        for service, served_by in UPSTREAMS.items()
        if served_by == cluster
    )
    for status in (502, 503):
        when = both(status_is(status), called)
        yield Reply(
            both(when, also) if also else when,
            status,
            Code.UNAVAILABLE,
            ErrorReason.ERROR_REASON_SERVICE_UNAVAILABLE,
            "A part that this call needs is away. Try again in a moment.",
            service=cluster,
            retry=True,
        )


# The first that matches applies.
REPLIES = (
    # Envoy says 403 of a token that was issued for somebody else; to us that is no token.
    *(
        Reply(
            status_is(status),
            401,
            Code.UNAUTHENTICATED,
            ErrorReason.ERROR_REASON_UNAUTHENTICATED,
            "This call needs a valid access token: log in, and send it as 'Authorization: Bearer <token>'.",
        )
        for status in (401, 403)
    ),
    Reply(
        status_is(404),
        404,
        Code.NOT_FOUND,
        ErrorReason.ERROR_REASON_ROUTE_NOT_FOUND,
        "There is no such path, or it does not take this HTTP method.",
        native_code=Code.UNIMPLEMENTED,
    ),
    Reply(
        status_is(408),
        408,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The request did not arrive whole in time.",
    ),
    Reply(
        status_is(413),
        413,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE,
        "The request is larger than 1 MB.",
    ),
    Reply(
        status_is(431),
        431,
        Code.RESOURCE_EXHAUSTED,
        ErrorReason.ERROR_REASON_REQUEST_TOO_LARGE,
        "The headers of the request are too large.",
    ),
    _overloaded(status_is(429)),
    # A connection that broke in the middle of a call: "try again" would make a second sample of what has no key.
    Reply(
        both(flag_is("UC"), header_is("idempotency-key", {"present_match": False})),
        504,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The connection to a part broke during this call, which may have taken effect. An Idempotency-Key makes a call"
        " safe to repeat.",
    ),
    # What a circuit breaker's limit held back may be repeats of calls to an upstream that refuses connections.
    *(reply for cluster in CLUSTERS for reply in _upstream_replies(cluster, flag_is("UF"))),
    # Envoy says 503 of a circuit breaker's limit, but nothing is away.
    _overloaded(flag_is("UO")),
    *(reply for cluster in CLUSTERS for reply in _upstream_replies(cluster)),
    # A 503 before any upstream was chosen: the overload manager.
    _overloaded(status_is(503)),
    Reply(
        status_is(504),
        504,
        Code.DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        "The call did not end in time, and may yet take effect.",
    ),
    Reply(
        status_is(500, "GE"),
        500,
        Code.INTERNAL,
        ErrorReason.ERROR_REASON_INTERNAL,
        "A fault of ours. The correlation id finds it in our logs.",
    ),
    # Which of our own fields it is spelt like, the client sees best; theirs may hold somebody's name.
    Reply(
        header_is(UNKNOWN_FIELD_HEADER, {"present_match": True}),
        400,
        Code.INVALID_ARGUMENT,
        ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
        "The body holds a field that this call does not have. It takes: %DYNAMIC_METADATA(fairdb.edge:fields)%.",
    ),
    # All other refusals: of the transcoder, of the HTTP parser, of path normalisation.
    Reply(
        status_is(400, "GE"),
        400,
        Code.INVALID_ARGUMENT,
        ErrorReason.ERROR_REASON_MALFORMED_REQUEST,
        "The request cannot be read. The body must be JSON with the documented fields and types, every query parameter"
        " a documented one, and the path free of encoded slashes.",
    ),
)


def build_local_replies() -> Config:
    """Return Envoy's local_reply_config."""
    return {"mappers": [mapper for reply in REPLIES for mapper in (_native_mapper(reply), _rest_mapper(reply))]}


def _native_mapper(reply: Reply) -> Config:
    """Answer a gRPC caller: status, message, and the whole google.rpc.Status as gRPC libraries carry it."""
    code = reply.code if reply.native_code is None else reply.native_code
    # Binary headers are base64 without padding, says gRPC.
    details = base64.b64encode(_status(reply, code).SerializeToString(deterministic=True)).decode().rstrip("=")
    native = header_is(NATIVE_HEADER, {"present_match": True})
    return {
        "filter": both(native, reply.when),
        # Envoy puts this text into grpc-message.
        "body_format_override": {"text_format_source": {"inline_string": reply.message}},
        "headers_to_add": [
            _header("grpc-status", str(int(code))),
            _header("grpc-status-details-bin", details),
            _header("x-correlation-id", CORRELATION_ID),
        ],
    }


def _rest_mapper(reply: Reply) -> Config:
    headers = [_header("x-correlation-id", CORRELATION_ID)]
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
    status.details.add().Pack(ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata))
    if reply.retry:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER)))
    return status


def _to_json(status: Status) -> str:
    """Print as the transcoder does, empty fields too."""
    return MessageToJson(status, indent=None, always_print_fields_with_no_presence=True)


def _header(name: str, value: str) -> Config:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
