"""Envoy's configuration as a whole: listener, connection limits, log, overload protection."""

from edge.clusters import CONNECTION_BUFFER, build_cluster
from edge.contract import CLUSTERS, PublicRpc
from edge.files import EdgeFiles
from edge.filters import build_filters
from edge.replies import build_local_replies
from edge.routes import build_route_config
from edge.settings import EdgeSettings
from edge.typed import Config, typed

HEAP_LIMIT = 1024**3  # bytes

# Names that clients must not send: they are ours, or would steer Envoy, or carry a client's text into traces.
STRIPPED_HEADERS = ("grpc-timeout", "x-request-id", "x-service-token", "x-http-code", "tracestate", "baggage")
STRIPPED_PREFIXES = ("x-fairdb-", "x-edge-", "x-envoy-")

# Never a path, query, user agent or other text of the client's: a person's name may stand in it.
ACCESS_LOG = {
    "event": "request",
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "method": "%DYNAMIC_METADATA(fairdb.edge:method)%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": (
        '%COALESCE({"operators":[{"command":"DYNAMIC_METADATA","param":"fairdb.edge:grpc_status"},"GRPC_STATUS_NUMBER"]})%'
    ),
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "duration_ms": "%DURATION%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "correlation_id": "%RESP(x-correlation-id)%",
}


def build_bootstrap(settings: EdgeSettings, files: EdgeFiles, rpcs: tuple[PublicRpc, ...]) -> Config:
    """Return Envoy's bootstrap configuration."""
    return {
        "node": {"id": "edge", "cluster": "fairdatabase"},
        # On loopback whatever the listener's address: it can stop Envoy and shows its configuration.
        "admin": {"address": _address("127.0.0.1", settings.edge_admin_port)},
        "application_log_config": {
            "log_format": {
                "json_format": {"time": "%Y-%m-%dT%H:%M:%S.%eZ", "level": "%l", "logger": "%n", "event": "%j"}
            }
        },
        "overload_manager": _overload_manager(settings.edge_max_connections),
        "static_resources": {
            "listeners": [_listener(settings, files, rpcs)],
            "clusters": [build_cluster(name, files.endpoints(name)) for name in CLUSTERS],
        },
    }


def _listener(settings: EdgeSettings, files: EdgeFiles, rpcs: tuple[PublicRpc, ...]) -> Config:
    connection_manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        # HTTP/1.1 and, for gRPC, HTTP/2 without TLS.
        codec_type="AUTO",
        server_name="fairdatabase",
        **_hardening(),
        **_trust(),
        access_log=[_access_log()],
        local_reply_config=build_local_replies(),
        route_config=build_route_config(rpcs, settings.edge_cors_origins),
        http_filters=build_filters(files.descriptors, files.tokens, settings.edge_rate_limit, rpcs),
    )
    return {
        "name": "edge",
        "address": _address(settings.edge_host, settings.edge_port),
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}]}
        ],
    }


def _hardening() -> Config:
    """Return what Envoy's guide to edge proxies asks for, and tighter times: our calls end within 30 seconds."""
    return {
        "common_http_protocol_options": {
            "idle_timeout": "300s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
        },
        "max_request_headers_kb": 32,
        "request_headers_timeout": "10s",
        "request_timeout": "30s",
        "stream_idle_timeout": "60s",
        "normalize_path": True,
        "merge_slashes": True,
        # A decoded slash would become part of an id.
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _trust() -> Config:
    """Return what makes every client a stranger.

    Envoy would do so only with clients from outside, and believes what one on loopback says of itself.
    """
    removals = [
        *({"remove": name} for name in STRIPPED_HEADERS),
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in STRIPPED_PREFIXES),
    ]
    return {
        "use_remote_address": True,
        "early_header_mutation_extensions": [
            {
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": typed(
                    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", mutations=removals
                ),
            }
        ],
        # Plain UUIDs: Envoy would otherwise hide a trace decision in one of the digits.
        "request_id_extension": {
            "typed_config": typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)
        },
    }


def _access_log() -> Config:
    return {
        "name": "envoy.access_loggers.stdout",
        "typed_config": typed(
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={"json_format": ACCESS_LOG, "omit_empty_values": True},
        ),
    }


def _overload_manager(max_connections: int) -> Config:
    return {
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": typed(
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    max_active_downstream_connections=max_connections,
                ),
            },
            {
                "name": "envoy.resource_monitors.fixed_heap",
                "typed_config": typed(
                    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", max_heap_size_bytes=HEAP_LIMIT
                ),
            },
        ],
        "actions": [
            {
                "name": f"envoy.overload_actions.{action}",
                "triggers": [{"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}],
            }
            for action, threshold in (("shrink_heap", 0.9), ("stop_accepting_requests", 0.95))
        ],
    }


def _address(host: str, port: int) -> Config:
    return {"socket_address": {"address": host, "port_value": port}}
