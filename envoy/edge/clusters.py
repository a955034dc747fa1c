"""The services behind the edge: how Envoy finds them, how much it asks of them, when it leaves one alone."""

from pathlib import Path

from edge.typed import Config, typed

CONNECTION_BUFFER = 32 * 1024  # bytes

# One service's share of the edge at a time.
LIMITS = {
    "max_connections": 100,
    "max_pending_requests": 100,
    "max_requests": 100,
    # Instead of the default, three retries at a time whatever the load.
    "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3},
    "track_remaining": True,
}

# Streams are counted by themselves, at the priority that no other call has: they last as long as their senders like,
# and would leave no room for calls that last milliseconds.
STREAM_LIMITS = LIMITS | {"priority": "HIGH", "max_pending_requests": 32, "max_requests": 32}

# Frequent, so that a restarted service is back in a second or two; failing twice is enough, because one instance that
# answers is better than two of which one does not.
HEALTH_CHECK = {
    "grpc_health_check": {},
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
}

# Counts what happened to connections, not what a service said: a gateway that passes on its backend's UNAVAILABLE is
# itself well. Envoy reads UNAVAILABLE as a 503, so everything that counts statuses is off.
OUTLIERS = {
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
}


def build_cluster(name: str, endpoints: Path) -> Config:
    """Return one service's cluster, whose addresses stand in the file `endpoints`."""
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
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                explicit_http_config={"http2_protocol_options": {"max_concurrent_streams": 100}},
            )
        },
        # HTTP/2 pings would find a dead peer sooner, but gRPC servers close connections that ping often.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 10, "keepalive_interval": 5, "keepalive_probes": 3}
        },
        "circuit_breakers": {"thresholds": [LIMITS, STREAM_LIMITS]},
        "outlier_detection": OUTLIERS,
        "health_checks": [HEALTH_CHECK],
        # The registry has the word on who exists: who has left gets no more calls, even if it still answers.
        "ignore_health_on_host_removal": True,
    }
