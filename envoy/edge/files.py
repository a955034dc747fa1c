"""The edge's folder: the place of each file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EdgeFiles:
    """The files of one edge.

    Envoy watches the folders of addresses and of how tokens are checked, so these have folders of their own.
    """

    root: Path

    @property
    def config(self) -> Path:
        """Envoy's configuration."""
        return self.root / "envoy.yaml"

    @property
    def descriptors(self) -> Path:
        """The protos that this configuration was made from."""
        return self.root / "descriptors.binpb"

    @property
    def jwks(self) -> Path:
        """Public keys of users' tokens, as last known."""
        return self.root / "jwks" / "jwks.json"

    @property
    def tokens(self) -> Path:
        """How Envoy checks tokens, these keys included."""
        return self.root / "tokens" / "jwt_authn.json"

    def endpoints(self, cluster: str) -> Path:
        """Addresses of one service."""
        return self.root / "eds" / f"{cluster}.json"
