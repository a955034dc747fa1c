"""The files and folders of a constellation, below one root folder."""

from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FAIRDB = CHECKOUT / ".fairdb"


@dataclass(frozen=True)
class Layout:
    """The paths of one constellation; all are inside `root`."""

    root: Path

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def trust(self) -> Path:
        """Public keys (JWKS) of the services, which every service reads."""
        return self.root / "trust"

    @property
    def certificates(self) -> Path:
        """A folder for each holder of a certificate; see `authority`."""
        return self.root / "certificates"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy"

    @property
    def ledger(self) -> Path:
        return self.root / "run.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def state(self, component: str) -> Path:
        return self.root / component

    def log(self, component: str) -> Path:
        return self.root / "logs" / f"{component}.log"

    def create(self) -> None:
        """Create the folders. Nobody else can list `secrets`, and each file in it is readable only by its owner."""
        for folder in (self.root, self.root / "logs", self.trust, self.certificates, self.envoy):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o711, exist_ok=True)
        self.secrets.chmod(0o711)
