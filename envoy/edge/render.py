"""Writes the files that Envoy needs to start."""

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from chassis.files import write_atomically
from edge.bootstrap import build_bootstrap
from edge.contract import CLUSTERS, read_public_rpcs
from edge.endpoints import write_endpoints
from edge.files import EdgeFiles
from edge.keys import KeyCopy, publish_keys, read_last_known
from edge.pressure import write_pressure
from edge.schemas import Schemas
from edge.secrets import CertificateCopy, prepare_secrets
from edge.settings import EdgeSettings
from edge.typed import Config
from edge.yaml import to_yaml

HEADER = """\
The configuration of Envoy, generated from the protos and the Python in envoy/edge. Do not edit it; change the sources.

envoy/envoy.yaml is this configuration with default settings. `make envoy-config` writes it, and `make check` fails if
it is out of date. When the edge starts, `python -m edge render` writes the same configuration to envoy.yaml in the
edge's own folder, which is .fairdb/up/envoy after `make up`. The two files differ only in the values that variables
FAIRDB_EDGE_... and FAIRDB_PORT_... set: host, ports, rate limit, connection limit, CORS origins.

Envoy runs in the edge's folder, so the paths below are relative to it:
  descriptors.binpb        the protos, compiled
  eds/<service>.json       addresses of each service, from Consul
  tokens/jwt_authn.json    how access tokens are verified, with the public keys of auth_svc
  sds/certificate.json     the certificate that Envoy shows to the services
  sds/authorities.json     the authorities whose certificates it accepts from them
  pressure/connections     the share of the permitted connections that is in use

`python -m edge`, the agent, keeps all but the first current while Envoy runs; Envoy watches them."""


def render(settings: EdgeSettings) -> EdgeFiles:
    """Write Envoy's files. Addresses and keys of an earlier run are kept as the last known ones."""
    files = EdgeFiles(settings.edge_dir.resolve())
    # Envoy reads a copy of the descriptors. Otherwise a restarted Envoy could load newer ones, which may not match its
    # configuration.
    write_atomically(files.descriptors, settings.descriptors.read_bytes())
    for cluster in CLUSTERS:
        if not files.endpoints(cluster).exists():
            write_endpoints(files.endpoints(cluster), cluster, [])
    write_pressure(files.pressure, 0)
    publish_keys(files, read_last_known(files))
    KeyCopy(settings.trust_dir, files).refresh()
    if settings.transport == "mtls":
        prepare_secrets(files)
        CertificateCopy(settings.certificate_dir, files).refresh()
    write_atomically(files.config, render_config(settings).encode())
    return files


def render_config(settings: EdgeSettings) -> str:
    """Return the text of envoy.yaml."""
    return to_yaml(make_config(settings), HEADER)


def make_config(settings: EdgeSettings) -> Config:
    """Return Envoy's configuration for these settings and their descriptor set."""
    descriptors = settings.descriptors.read_bytes()
    rpcs = read_public_rpcs(descriptors)
    schemas = Schemas(FileDescriptorSet.FromString(descriptors))
    return build_bootstrap(settings, rpcs, schemas.reachable({rpc.body for rpc in rpcs if rpc.body}))
