"""What the edge can be told: addresses, folders, limits."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from fairdb.options.v1 import access_pb2

Port = Annotated[int, Field(ge=1, le=65535)]


def find_descriptors() -> Path:
    """Return the descriptor set that was built with the stubs."""
    return Path(access_pb2.__file__).parents[2] / "descriptors.binpb"


class EdgeSettings(BaseSettings):
    """The edge's settings, each from an environment variable: FAIRDB_EDGE_PORT=8000."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", frozen=True)

    edge_dir: Path = Path(".fairdb/edge")
    """Where Envoy's files go."""
    edge_host: str = "127.0.0.1"
    edge_port: Port = 8000
    edge_admin_port: Port = 9901
    """Envoy's own pages, always on loopback."""
    edge_rate_limit: Annotated[int, Field(gt=0)] = 2000
    """Requests a second over all clients; more is 429."""
    edge_max_connections: Annotated[int, Field(gt=0)] = 4000
    """Connections from clients at a time; more are closed at once."""
    edge_cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call, as a JSON list: ["https://portal.example.org"]."""
    trust_dir: Path = Path(".fairdb/trust")
    """Where auth_svc leaves the public keys of users' tokens."""
    consul_url: HttpUrl = HttpUrl("http://127.0.0.1:8500")
    descriptors: Path = Field(default_factory=find_descriptors)
    """The protos as a descriptor set."""
