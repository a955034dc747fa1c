"""Where a constellation keeps its files, below one root folder."""

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FAIRDB = CHECKOUT / ".fairdb"


@dataclass(frozen=True)
class Layout:
    """The folders and files of one constellation. Nothing of it lies outside `root`."""

    root: Path

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def trust(self) -> Path:
        """Public keys (JWKS) of the services, readable by all of them."""
        return self.root / "trust"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy"

    @property
    def ledger(self) -> Path:
        return self.root / "run.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def state(self, part: str) -> Path:
        return self.root / part

    def log(self, part: str) -> Path:
        return self.root / "logs" / f"{part}.log"

    def create(self) -> None:
        """Create the folders. Secrets are for their owner only."""
        for folder in (self.root, self.root / "logs", self.trust, self.envoy):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
