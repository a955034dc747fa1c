"""Where each public RPC goes, for how long, and how often it is tried."""

from collections.abc import Iterable, Iterator, Sequence

from edge.contract import PublicRpc
from edge.filters import build_cors_policy, pass_unbuffered
from edge.tokens import build_route_access
from edge.typed import Config, typed

TIMEOUT = 30  # seconds, for a call with all its attempts
ATTEMPT_TIMEOUT = 10  # seconds
ATTEMPTS = 3
STREAM_IDLE = 120  # seconds without a byte either way; a stream may last as long as it likes


def build_route_config(rpcs: Iterable[PublicRpc], cors_origins: Sequence[str]) -> Config:
    """Return the routes: one a call, under its RPC's path, because they are matched after transcoding."""
    return {
        "name": "edge",
        "virtual_hosts": [
            {
                "name": "fairdatabase",
                "domains": ["*"],
                "routes": [*(route for rpc in rpcs for route in _rpc_routes(rpc)), _nothing()],
                "typed_per_filter_config": build_cors_policy(cors_origins) if cors_origins else {},
            }
        ],
        # Envoy would miss the cluster of _nothing().
        "validate_clusters": False,
        # What the transcoder leaves: paths and queries may hold what no service's log should.
        "request_headers_to_remove": ["x-envoy-original-path", "x-envoy-original-method"],
    }


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
    deadline = TIMEOUT
    if repeatable:
        action["retry_policy"] = _retries()
        deadline = ATTEMPT_TIMEOUT
    return {
        "name": rpc.name,
        "match": {"path": rpc.path, "headers": headers, "grpc": {}},
        "route": action,
        "typed_per_filter_config": build_route_access(rpc.anyone),
        # REST callers send no deadline of their own; services pass on what is left of this one.
        "request_headers_to_add": [
            {"header": {"key": "grpc-timeout", "value": f"{deadline}S"}, "append_action": "ADD_IF_ABSENT"}
        ],
    }


def _stream_route(rpc: PublicRpc) -> Config:
    """Return the route of a stream, which is never repeated: part of it may have taken effect."""
    return {
        "name": rpc.name,
        "match": {"path": rpc.path, "grpc": {}},
        "route": {
            "cluster": rpc.cluster,
            "timeout": "0s",
            "idle_timeout": f"{STREAM_IDLE}s",
            # STREAM_LIMITS count it.
            "priority": "HIGH",
        },
        "typed_per_filter_config": build_route_access(rpc.anyone) | pass_unbuffered(),
    }


def _retries() -> Config:
    """Repeat a call that did not reach its service. Whatever a service answered is final: it has retried already."""
    return {
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
    }


def _nothing() -> Config:
    """Answer 404 to everything else, with or without a token.

    By way of a cluster that does not exist, because REST requests start here, before they are transcoded, and the CORS
    filter overlooks a route that answers by itself.
    """
    return {
        "name": "none",
        "match": {"prefix": "/"},
        "route": {"cluster": "none", "cluster_not_found_response_code": "NOT_FOUND"},
        "typed_per_filter_config": build_route_access(anyone=True),
    }
