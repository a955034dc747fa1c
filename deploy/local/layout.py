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

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    def create(self) -> None:
        """Create the folders, and set their modes whatever the umask is: components may run as other users.

        They pass through `root` and `secrets`, where each file is readable only by its owner, and read public keys.
        """
        modes = {
            self.root: 0o711,
            self.secrets: 0o711,
            self.trust: 0o755,
            self.certificates: 0o755,
            self.envoy: 0o700,
            self.logs: 0o700,
        }
        for folder, mode in modes.items():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
