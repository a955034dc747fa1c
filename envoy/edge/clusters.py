"""The services behind the edge: discovery, limits, health checks, outlier ejection."""

from chassis.identity.certificates import Security
from edge.files import EdgeFiles
from edge.secrets import build_transport_socket
from edge.typed import Config, shared, typed

CONNECTION_BUFFER = 32 * 1024  # bytes
CALLS = 10_000  # at a time, to one service
STREAMS = 100  # at a time, on one connection to a service
STREAM_WINDOW = 64 * 1024  # bytes

LIMITS = shared(
    "limits",
    {
        "max_connections": 200,
        "max_pending_requests": CALLS,
        "max_requests": CALLS,
        "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3},
        "track_remaining": True,
    },
    "Limits for each service, for all clients together. The services limit what each account or client has. These are"
    " only higher, because calls whose answers are unread count here. By default, Envoy permits three concurrent"
    " retries, regardless of load.",
)

STREAM_LIMITS = shared(
    "stream_limits",
    LIMITS | {"priority": "HIGH", "max_pending_requests": CALLS, "max_requests": CALLS},
    "Limits for streams, the only calls with high priority. Streams can last for minutes, so under shared limits they"
    " could crowd out short calls. Most of them wait for a place: the gateway decides who gets one.",
)

HEALTH_CHECK = shared(
    "health_check",
    {
        "grpc_health_check": {},
        "timeout": "1s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    },
    "Checks are frequent, so that a restarted service is used again within two seconds. Two failures exclude an"
    " instance: one healthy instance serves better than two of which one fails.",
)

OUTLIERS = shared(
    "outliers",
    {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 5,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "30s",
        "base_ejection_time": "30s",
        "max_ejection_percent": 50,
    },
    "Counts failed connections, not statuses: a gateway that passes on UNAVAILABLE from its backend is healthy. Envoy"
    " treats UNAVAILABLE as a 503, so every check that counts statuses is off.",
)


def build_cluster(name: str, files: EdgeFiles, transport: Security) -> Config:
    """Return one service's cluster, which reads its addresses from a file."""
    endpoints = files.endpoints(name)
    secured = {"transport_socket": build_transport_socket(files, name)} if transport == "mtls" else {}
    return {
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {
            "eds_config": {
                "path_config_source": {"path": str(endpoints), "watched_directory": {"path": str(endpoints.parent)}},
                "resource_api_version": "V3",
            }
        },
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": "1s",
        **secured,
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "typed_extension_protocol_options": shared(
            "http2",
            {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    explicit_http_config={
                        "http2_protocol_options": {
                            "max_concurrent_streams": STREAMS,
                            "initial_stream_window_size": STREAM_WINDOW,
                            "initial_connection_window_size": STREAMS * STREAM_WINDOW * 2,
                        }
                    },
                )
            },
            "The windows for all streams of a connection fit into that of the connection. So clients that do not read"
            " their answers cannot block the answers of others.",
        ),
        "upstream_connection_options": shared(
            "keepalive",
            {"tcp_keepalive": {"keepalive_time": 10, "keepalive_interval": 5, "keepalive_probes": 3}},
            "TCP keepalive finds dead connections. HTTP/2 pings would be faster, but gRPC servers close connections"
            " that ping often.",
        ),
        "circuit_breakers": {"thresholds": [LIMITS, STREAM_LIMITS]},
        "outlier_detection": OUTLIERS,
        "health_checks": [HEALTH_CHECK],
        # An instance that has left the registry receives no calls, even if it still passes health checks.
        "ignore_health_on_host_removal": True,
    }
