"""The caller for variants without accounts: keys, an account, and tokens like the platform's."""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from chassis.identity.keys import ACCOUNT_AUDIENCE, ACCOUNT_ISSUER, ACCOUNT_TOKEN_SECONDS
from chassis.identity.tokens import Signer
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.services import find

SERVICES_ISSUER = "bench"


@dataclass(frozen=True)
class Identity:
    """An account, and a folder with its key files."""

    account: str
    trust_dir: Path
    account_key: Path
    service_key: Path
    keystore: Path

    @classmethod
    def make(cls, folder: Path) -> "Identity":
        """Make keys and an account."""
        layout = Layout(folder)
        layout.create()
        credentials = Credentials(layout)
        return cls(
            str(uuid4()),
            layout.trust,
            credentials.signing_key(ACCOUNT_ISSUER),
            credentials.signing_key(SERVICES_ISSUER),
            credentials.key_file("privacy_svc", find("privacy_svc").key_files[0]),
        )

    def token(self, account: str = "") -> str:
        """Return an access token of the account, or of another."""
        claims = {"sub": account or self.account, "sid": str(uuid4()), "roles": ["ROLE_RESEARCHER"]}
        return Signer.load(ACCOUNT_ISSUER, self.account_key).sign(ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS, claims)
