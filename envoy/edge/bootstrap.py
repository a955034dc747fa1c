"""The whole Envoy configuration: listener, connection limits, access log, overload protection."""

from collections.abc import Mapping
from pathlib import Path

from edge.clusters import CONNECTION_BUFFER, build_cluster
from edge.contract import CLUSTERS, PublicRpc
from edge.files import EdgeFiles
from edge.filters import RateLimits, build_filters
from edge.pressure import LISTENER
from edge.replies import build_local_replies
from edge.routes import build_route_config
from edge.schemas import Schema
from edge.settings import EdgeSettings
from edge.typed import Config, explained, typed

HEAP_LIMIT = 1024**3  # bytes

# Timeouts become shorter from the first share of the permitted connections, or of the memory, and are shortest at the
# second.
PRESSURES = (("injected_resource", 0.25, 0.5), ("fixed_heap", 0.5, 0.8))
SHORTEST_TIMEOUTS = {
    "HTTP_DOWNSTREAM_CONNECTION_IDLE": "1s",
    "HTTP_DOWNSTREAM_STREAM_IDLE": "10s",
    "HTTP_DOWNSTREAM_STREAM_FLUSH": "10s",
    "HTTP_DOWNSTREAM_CONNECTION_MAX": "5s",
}

# Headers that clients must not set: internal headers, and headers that control Envoy or put text into traces.
STRIPPED_HEADERS = ("grpc-timeout", "x-request-id", "x-service-token", "x-http-code", "tracestate", "baggage")
STRIPPED_PREFIXES = ("x-fairdb-", "x-edge-", "x-envoy-")
# Binary gRPC metadata, which no call has. If it is not base64, gRPC fails the call with a text of its own.
STRIPPED_SUFFIX = "-bin"

# The log contains no path, query, user agent or other client text, because such text may contain a person's name.
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


# Envoy resolves paths against the folder that it runs in, which is the folder of its configuration.
_FILES = EdgeFiles(Path())


def build_bootstrap(settings: EdgeSettings, rpcs: tuple[PublicRpc, ...], schemas: Mapping[str, Schema]) -> Config:
    """Return Envoy's bootstrap configuration, with paths relative to the edge's folder."""
    return {
        "node": {"id": "edge", "cluster": "fairdatabase"},
        "admin": explained(
            "The admin interface listens on a Unix socket that only Envoy's own user can open, because it can stop"
            " Envoy and shows this configuration. It answers even if clients use all connections.",
            {
                "address": {"pipe": {"path": str(settings.edge_admin_socket), "mode": 0o600}},
                "ignore_global_conn_limit": True,
            },
        ),
        "application_log_config": explained(
            "Writes Envoy's own log in JSON lines, like the logs of the services.",
            {
                "log_format": {
                    "json_format": {"time": "%Y-%m-%dT%H:%M:%S.%eZ", "level": "%l", "logger": "%n", "event": "%j"}
                }
            },
        ),
        "overload_manager": explained(
            "Limits connections, closes idle ones while many are in use, and sheds load before memory runs out.",
            _overload_manager(settings.edge_max_connections),
        ),
        "static_resources": {
            "clusters": [build_cluster(name, _FILES, settings.transport) for name in CLUSTERS],
            "listeners": [_listener(settings, rpcs, schemas)],
        },
    }


def _listener(settings: EdgeSettings, rpcs: tuple[PublicRpc, ...], schemas: Mapping[str, Schema]) -> Config:
    rates = RateLimits(settings.edge_client_rate_limit, settings.edge_rate_limit)
    connection_manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        # HTTP/1.1, and HTTP/2 without TLS for gRPC.
        codec_type="AUTO",
        # nginx speaks HTTP/1.0 to its upstreams unless it is told otherwise.
        http_protocol_options={"accept_http_10": True, "default_host_for_http_10": "fairdatabase"},
        server_name="fairdatabase",
        **_hardening(),
        **_trust(settings.edge_trusted_proxies),
        access_log=[_access_log()],
        # These three are the longest sections of the YAML, so they come last.
        http_filters=build_filters(_FILES.descriptors, _FILES.tokens, rates, rpcs, schemas),
        route_config=build_route_config(rpcs, settings.edge_cors_origins),
        local_reply_config=build_local_replies(),
    )
    return {
        "name": LISTENER,
        "stat_prefix": LISTENER,
        "address": _address(settings.edge_host, settings.edge_port),
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager}]}
        ],
    }


def _hardening() -> Config:
    """Return the settings from Envoy's guide to edge proxies, with tighter timeouts: our calls end within 30 s."""
    return {
        "common_http_protocol_options": {
            "idle_timeout": "60s",
            # Shorter under pressure, so that connections that trickle end as well.
            "max_connection_duration": "3600s",
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
        },
        "max_request_headers_kb": 32,
        # How long a connection that timed out still accepts requests that its client has already sent.
        "drain_timeout": "0.5s",
        "request_headers_timeout": "5s",
        # Until the whole request has arrived: 1 MB needs 100 kB a second. Imports begin their answer earlier, which
        # ends this limit; the gateway limits them.
        "request_timeout": "10s",
        "stream_idle_timeout": "60s",
        "normalize_path": True,
        "merge_slashes": True,
        # A decoded slash would otherwise become part of an id.
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _trust(proxies: int) -> Config:
    """Return the settings that make every client untrusted.

    By default Envoy trusts the internal headers of clients on loopback and private networks.
    """
    removals = [
        *({"remove": name} for name in STRIPPED_HEADERS),
        *({"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in STRIPPED_PREFIXES),
        {"remove_on_match": {"key_matcher": {"suffix": STRIPPED_SUFFIX}}},
    ]
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": proxies,
        "early_header_mutation_extensions": [
            explained(
                "Removes internal headers that a client sent.",
                {
                    "name": "envoy.http.early_header_mutation.header_mutation",
                    "typed_config": typed(
                        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                        mutations=removals,
                    ),
                },
            )
        ],
        "request_id_extension": explained(
            "Request ids are plain UUIDs. By default, Envoy encodes the trace decision in one of their digits.",
            {"typed_config": typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)},
        ),
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
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.injected_resource",
                "typed_config": typed(
                    "envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig",
                    filename=str(_FILES.pressure),
                ),
            },
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
        # Requests that buffer less than this are never ended: 2^16 bytes.
        "buffer_factory_config": {"minimum_account_to_track_power_of_two": 16},
        "actions": [
            {
                "name": f"envoy.overload_actions.{action}",
                "triggers": [{"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}],
            }
            for action, threshold in (("shrink_heap", 0.9), ("stop_accepting_requests", 0.95))
        ]
        + [
            {
                # Ends the requests whose unsent answers and unread bodies take most, before all are refused.
                "name": "envoy.overload_actions.reset_high_memory_stream",
                "triggers": [
                    {
                        "name": "envoy.resource_monitors.fixed_heap",
                        "scaled": {"scaling_threshold": 0.6, "saturation_threshold": 0.9},
                    }
                ],
            }
        ]
        + [
            {
                "name": "envoy.overload_actions.reduce_timeouts",
                "triggers": [
                    {
                        "name": f"envoy.resource_monitors.{monitor}",
                        "scaled": {"scaling_threshold": reduced, "saturation_threshold": shortest},
                    }
                    for monitor, reduced, shortest in PRESSURES
                ],
                "typed_config": typed(
                    "envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
                    timer_scale_factors=[
                        {"timer": timer, "min_timeout": shortest} for timer, shortest in SHORTEST_TIMEOUTS.items()
                    ],
                ),
            }
        ],
    }


def _address(host: str, port: int) -> Config:
    return {"socket_address": {"address": host, "port_value": port}}
