"""Writes the addresses of a service to a file that Envoy reads (EDS)."""

import json
from collections.abc import Sequence
from pathlib import Path

from chassis.files import write_atomically


def write_endpoints(file: Path, cluster: str, addresses: Sequence[str]) -> None:
    """Replace the addresses of a service. Each is "ip:port", because EDS does not resolve names."""
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}
        for host, _, port in (address.rpartition(":") for address in addresses)
    ]
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": endpoints}],
    }
    write_atomically(file, json.dumps({"resources": [assignment]}, indent=1).encode())
