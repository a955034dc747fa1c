"""The addresses of one service, as Envoy reads them from a file (EDS)."""

import json
from pathlib import Path
from typing import NamedTuple

from edge.files import write_atomically


class Address(NamedTuple):
    """Where an instance listens: an IP address, because Envoy's EDS resolves no names, and a port."""

    host: str
    port: int


def write_endpoints(file: Path, cluster: str, addresses: list[Address]) -> None:
    """Replace the addresses of a service."""
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
        for host, port in sorted(set(addresses))
    ]
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [{"lb_endpoints": endpoints}],
    }
    write_atomically(file, json.dumps({"resources": [assignment]}, indent=1).encode())
