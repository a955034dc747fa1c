"""The route of each public RPC: its service, timeout and retries."""

from collections.abc import Iterable, Iterator, Sequence

from edge.contract import PublicRpc
from edge.filters import MAX_REQUEST_BYTES, build_cors_policy, pass_unbuffered
from edge.tokens import build_route_access
from edge.typed import Config, explained, shared, typed

TIMEOUT = 30  # seconds, for a call with all attempts
ATTEMPT_TIMEOUT = 10  # seconds
ATTEMPTS = 3
STREAM_IDLE = 120  # seconds without a byte in either direction; the duration of a stream is not limited


# auth_svc limits the log-ins of each client. No other service learns the address.
_CLIENT = shared(
    "client",
    {
        "header": {"key": "x-edge-client", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    },
)


def build_route_config(rpcs: Iterable[PublicRpc], cors_origins: Sequence[str]) -> Config:
    """Return the routes. They match the paths of RPCs, because transcoding comes first."""
    config: Config = {
        "name": "edge",
        # Do not validate cluster names, because the last route names one that does not exist.
        "validate_clusters": False,
        # The transcoder adds these headers. Paths and queries may contain values that must not reach a service's log.
        "request_headers_to_remove": ["x-envoy-original-path", "x-envoy-original-method"],
        "virtual_hosts": [
            {
                "name": "fairdatabase",
                "domains": ["*"],
                # bodies.lua and the transcoder need the whole body of a call.
                "request_body_buffer_limit": MAX_REQUEST_BYTES,
                "typed_per_filter_config": build_cors_policy(cors_origins) if cors_origins else {},
                "routes": [*(route for rpc in rpcs for route in _rpc_routes(rpc)), _not_found()],
            }
        ],
    }
    return explained(
        "One route for each public RPC, matched by its gRPC path, because the transcoder comes first. An RPC that"
        " writes has two routes: calls with an Idempotency-Key are retried, others are not. Any other path gets a 404.",
        config,
    )


def _rpc_routes(rpc: PublicRpc) -> Iterator[Config]:
    if rpc.streams:
        yield _stream_route(rpc)
    elif rpc.safe:
        yield _route(rpc, [], repeatable=True)
    else:
        yield _route(rpc, [{"name": "idempotency-key", "present_match": True}], repeatable=True)
        yield _route(rpc, [], repeatable=False)


def _route(rpc: PublicRpc, headers: list[Config], *, repeatable: bool) -> Config:
    action: Config = {"cluster": rpc.cluster, "timeout": f"{TIMEOUT}s"}
    match: Config = {"path": rpc.path, "grpc": {}}
    deadline = TIMEOUT
    if headers:
        match["headers"] = headers
    if repeatable:
        action["retry_policy"] = _retries()
        deadline = ATTEMPT_TIMEOUT
    return {
        "name": rpc.name,
        "match": match,
        "route": action,
        "typed_per_filter_config": build_route_access(rpc.anyone),
        # REST callers send no deadline, so the edge sets one. Services pass on the remaining time.
        "request_headers_to_add": [
            shared(
                f"deadline_{deadline}s",
                {"header": {"key": "grpc-timeout", "value": f"{deadline}S"}, "append_action": "ADD_IF_ABSENT"},
            ),
            *([_CLIENT] if rpc.cluster == "auth_svc" else []),
        ],
    }


def _stream_route(rpc: PublicRpc) -> Config:
    """Return the route of a stream, which is never retried: part of the stream may have taken effect."""
    return {
        "name": rpc.name,
        "match": {"path": rpc.path, "grpc": {}},
        "route": {
            "cluster": rpc.cluster,
            "timeout": "0s",
            "idle_timeout": f"{STREAM_IDLE}s",
            # Selects STREAM_LIMITS.
            "priority": "HIGH",
        },
        "typed_per_filter_config": build_route_access(rpc.anyone) | pass_unbuffered(),
    }


def _retries() -> Config:
    """Retry only calls that did not reach their service. An answer is final: services retry their own calls."""
    return shared(
        "retries",
        {
            "retry_on": "connect-failure,reset-before-request,refused-stream",
            "num_retries": ATTEMPTS - 1,
            "per_try_timeout": f"{ATTEMPT_TIMEOUT}s",
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
                }
            ],
            "host_selection_retry_max_attempts": ATTEMPTS,
        },
    )


def _not_found() -> Config:
    """Answer 404 on every other path, with or without a token.

    The route names a missing cluster, for which Envoy answers 404. A direct response would not do: REST requests match
    this route until they are transcoded, and the CORS filter ignores a route with a direct response.
    """
    return {
        "name": "not_found",
        "match": {"prefix": "/"},
        "route": {"cluster": "none", "cluster_not_found_response_code": "NOT_FOUND"},
        "typed_per_filter_config": build_route_access(anyone=True),
    }
