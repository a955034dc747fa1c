"""Writes everything that Envoy needs to start."""

import json

from edge.bootstrap import build_bootstrap
from edge.contract import CLUSTERS, read_public_rpcs
from edge.endpoints import write_endpoints
from edge.files import EdgeFiles, write_atomically
from edge.keys import KeyCopy, publish_keys, read_last_known
from edge.settings import EdgeSettings


def render(settings: EdgeSettings) -> EdgeFiles:
    """Write Envoy's files. Addresses and keys of an earlier run are kept: they are the last known."""
    files = EdgeFiles(settings.edge_dir.resolve())
    descriptors = settings.descriptors.read_bytes()
    rpcs = read_public_rpcs(descriptors)
    # A copy, so that rebuilding the stubs does not change what a running edge restarts with.
    write_atomically(files.descriptors, descriptors)
    for cluster in CLUSTERS:
        if not files.endpoints(cluster).exists():
            write_endpoints(files.endpoints(cluster), cluster, [])
    publish_keys(files, read_last_known(files))
    KeyCopy(settings.trust_dir, files).refresh()
    # JSON is YAML.
    write_atomically(files.config, json.dumps(build_bootstrap(settings, files, rpcs), indent=1).encode())
    return files
