"""The edge's folder: the path of each file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EdgeFiles:
    """The files of one edge.

    Envoy watches whole folders, so each kind of file that changes has a folder of its own.
    """

    root: Path

    @property
    def config(self) -> Path:
        """Envoy's configuration."""
        return self.root / "envoy.yaml"

    @property
    def descriptors(self) -> Path:
        """Descriptor set of the protos from which this configuration was generated."""
        return self.root / "descriptors.binpb"

    @property
    def jwks(self) -> Path:
        """Last known public keys of users' tokens."""
        return self.root / "jwks" / "jwks.json"

    @property
    def tokens(self) -> Path:
        """Configuration of the filter that checks tokens, including the public keys."""
        return self.root / "tokens" / "jwt_authn.json"

    @property
    def certificate(self) -> Path:
        """Envoy's certificate and key."""
        return self.root / "sds" / "certificate.json"

    @property
    def authorities(self) -> Path:
        """The authorities whose certificates Envoy accepts from services."""
        return self.root / "sds" / "authorities.json"

    @property
    def pressure(self) -> Path:
        """The share of the permitted connections that is in use, from 0 to 1."""
        return self.root / "pressure" / "connections"

    def endpoints(self, cluster: str) -> Path:
        """Addresses of a service."""
        return self.root / "eds" / f"{cluster}.json"
