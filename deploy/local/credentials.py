"""The secrets of a constellation: created once per root folder and stored there with mode 0600.

`secrets/` holds a password for each server account, a signing key for each service, and the services' private keys.
`trust/` holds the public half of every signing key as a JWKS.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from chassis.files import write_atomically
from chassis.identity.certificates import OPERATOR, Certificate
from chassis.identity.keys import KEY_SET_SUFFIX, public_jwk
from chassis.identity.tokens import ServiceTokens, Signer
from chassis.identity.transport import Options, tls_channel
from deploy.local.authority import Authority
from deploy.local.layout import Layout
from deploy.local.users import Users
from deploy.services import SERVICES, KeyFile


@dataclass(frozen=True)
class Credentials:
    """Returns secrets by name; creates each at its first use."""

    layout: Layout

    @property
    def users(self) -> Users:
        return Users.of(self.layout)

    @property
    def authority(self) -> Authority:
        return Authority(self.layout)

    def password(self, name: str) -> str:
        """Return a password that needs no escaping in URLs and configuration files."""
        return create_once(self.layout.secrets / f"{name}.password", lambda: secrets.token_urlsafe(32))

    def token(self, name: str) -> str:
        """Return a token in the form of a UUID, which Consul requires."""
        return create_once(self.layout.secrets / f"{name}.token", lambda: str(uuid4()))

    def gossip_key(self) -> str:
        """Return the key that encrypts what Consul servers tell each other."""
        return create_once(self.layout.secrets / "consul_gossip.key", random_key)

    def signing_key(self, service: str) -> Path:
        """Return the path of the service's Ed25519 key (PKCS8 PEM); write its public half to `trust/`."""
        path = self.layout.secrets / f"{service}.key.pem"
        key = load_pem_private_key(create_once(path, new_key).encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} is not an Ed25519 key: delete it, and the next start creates one")
        key_set = json.dumps({"keys": [public_jwk(key.public_key())]})
        write_atomically(self.layout.trust / f"{service}{KEY_SET_SUFFIX}", key_set)
        self.users.give(service, path)
        return path

    def channel(self, service: str, address: str, holder: str = OPERATOR, options: Options = ()) -> grpc.aio.Channel:
        """Open a channel to a service with the certificate of `holder`. Proxies in the environment do not apply."""
        certificate = Certificate.read(self.authority.folder(holder))
        return tls_channel(certificate, service, address, [*options, ("grpc.enable_http_proxy", 0)])

    def service_token(self, caller: str, callee: str) -> str:
        """Return a token of a service, for a channel with its present certificate."""
        thumbprint = Certificate.read(self.authority.folder(caller)).thumbprint
        return ServiceTokens(Signer.load(caller, self.signing_key(caller))).token_for(callee, thumbprint)

    def key_file(self, service: str, file: KeyFile) -> Path:
        """Return the path of a service's key file."""
        path = self.layout.secrets / file.name
        names = file.keys
        create_once(path, lambda: json.dumps({name: random_key() for name in names}) if names else random_key())
        self.users.give(service, path)
        return path

    def create_all(self) -> None:
        """Create all certificates, and the keys of all services.

        Call this before anything starts: each service trusts all others, and every server has a certificate.
        """
        self.authority.issue_missing()
        for service in SERVICES:
            self.signing_key(service.name)
            for file in service.key_files:
                self.key_file(service.name, file)


def random_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def new_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def create_once(path: Path, make: Callable[[], str]) -> str:
    """Return the file's text; if the file is absent, create it, readable only by its owner."""
    if not path.exists():
        write_atomically(path, make(), mode=0o400)
    return path.read_text()
