"""The edge's folder: which file stands where, and how one is replaced under a reader's eyes."""

import os
import tempfile
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


def write_atomically(target: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old content or the new, never a part."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            # Nothing here is secret, and Envoy may run as another user.
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
