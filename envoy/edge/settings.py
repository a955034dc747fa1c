"""Settings of the edge: addresses, folders, limits."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.identity.certificates import Security
from fairdb.options.v1 import access_pb2

Port = Annotated[int, Field(ge=1, le=65535)]


def find_descriptors() -> Path:
    """Return the path of the descriptor set that was built with the stubs."""
    return Path(access_pb2.__file__).parents[2] / "descriptors.binpb"


class EdgeSettings(BaseSettings):
    """The edge's settings, each from an environment variable: FAIRDB_EDGE_PORT=8000."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", frozen=True)

    edge_dir: Path = Path(".fairdb/edge")
    """Folder of Envoy's files."""
    edge_host: str = "127.0.0.1"
    edge_port: Port = 8000
    edge_admin_socket: Path = Path("admin.sock")
    """Unix socket of Envoy's admin pages. A relative path starts in the edge's folder."""
    edge_rate_limit: Annotated[int, Field(gt=0)] = 2000
    """Requests per second, for all clients together; further ones are answered with 429."""
    edge_client_rate_limit: Annotated[int, Field(gt=0)] = 1000
    """Requests per second of one client, which is an IP address; further ones are answered with 429."""
    edge_max_connections: Annotated[int, Field(gt=0)] = 10_000
    """Concurrent client connections; further ones are closed at once. From a quarter of them on, idle ones are closed
    ever sooner. Envoy needs a file descriptor for each."""
    edge_trusted_proxies: Annotated[int, Field(ge=0)] = 0
    """Number of proxies of your own in front of Envoy, such as a load balancer. Each must append its client to
    X-Forwarded-For, whose last addresses Envoy then believes. With 0, the client is whoever connects."""
    edge_cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call the API, as a JSON list: ["https://portal.example.org"]."""
    trust_dir: Path = Path(".fairdb/trust")
    """Folder of the public keys of users' tokens, one JWKS file per issuer."""
    transport: Security = "mtls"
    """`mtls`: Envoy shows a certificate to the services and checks theirs. `sidecar`: a sidecar does both."""
    certificate_dir: Path = Path(".fairdb/certificates/edge")
    """Folder with `tls.crt`, `tls.key` and `ca.crt`, for `mtls`."""
    consul_url: HttpUrl = HttpUrl("http://127.0.0.1:8500")
    descriptors: Path = Field(default_factory=find_descriptors)
    """Descriptor set of the protos."""
