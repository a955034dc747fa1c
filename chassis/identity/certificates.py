"""The certificate with which a process proves who it is, and the name that its peers check.

A folder holds `tls.crt` (the certificate, with any intermediates), `tls.key` and `ca.crt` (the authorities to trust),
all PEM. These are the names that cert-manager and Kubernetes secrets use. Whoever renews the certificate replaces the
whole folder, or the folder that a symlink in it names, so a reader never sees a key with another's certificate.

Names are SPIFFE ids (https://spiffe.io), such as `spiffe://fairdatabase/gateway`.
"""

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

log = structlog.get_logger()

Security = Literal["mtls", "sidecar"]
"""Who encrypts and checks names: this process with its certificate, or a sidecar."""
TRUST_DOMAIN = "fairdatabase"
CERTIFICATE, KEY, AUTHORITIES = "tls.crt", "tls.key", "ca.crt"
EDGE = "edge"
"""The name of Envoy: clients' calls reach the services through it."""
OPERATOR = "operator"
"""The name of an operator's tools, such as grpcurl. It may do what the edge may do."""


class CertificateInvalid(Exception):
    """The folder holds no usable certificate; the message says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, its key and the authorities to trust, in PEM."""

    chain: bytes
    key: bytes
    authorities: bytes
    thumbprint: str
    """As in a token's `cnf` claim; see `thumbprint_of`."""
    not_after: datetime

    @classmethod
    def read(cls, folder: Path) -> "Certificate":
        """Read a folder. Raises CertificateInvalid, also when the key is another certificate's."""
        try:
            version = (folder / CERTIFICATE).resolve(strict=True).parent
            chain, key, authorities = ((version / name).read_bytes() for name in (CERTIFICATE, KEY, AUTHORITIES))
            leaf = x509.load_pem_x509_certificate(chain)
            if leaf.public_key() != load_pem_private_key(key, None).public_key():
                raise CertificateInvalid(f"{folder}: {KEY} is not the key of {CERTIFICATE}")
            x509.load_pem_x509_certificates(authorities)
            return cls(chain, key, authorities, thumbprint_of(chain), leaf.not_valid_after_utc)
        except OSError as error:
            raise CertificateInvalid(f"{folder}: {error.strerror} ({Path(error.filename or folder).name})") from None
        except (ValueError, TypeError) as error:
            # A damaged key must not be quoted.
            raise CertificateInvalid(f"{folder}: not a certificate with its key in PEM") from error


class Certificates:
    """The current certificate of this process. `refresh` reads the folder again when it has changed."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. Raises CertificateInvalid."""
        self._folder = folder
        self._seen = self._version()
        self.current = Certificate.read(folder)
        self._reason = ""
        """Why the folder is unreadable, as the log says already."""

    def refresh(self) -> bool:
        """Return whether there is a new certificate. The old one stays in use while the folder is unreadable."""
        version = self._version()
        if version == self._seen:
            return False
        try:
            found = Certificate.read(self._folder)
        except CertificateInvalid as error:
            if str(error) != self._reason:
                log.warning("certificate_unreadable", reason=str(error))
            self._reason = str(error)
            return False
        self._seen, self._reason = version, ""
        if found == self.current:
            return False
        self.current = found
        log.info("certificate_changed", thumbprint=found.thumbprint)
        return True

    def _version(self) -> list[tuple[int, int]]:
        try:
            states = [(self._folder / name).stat() for name in (CERTIFICATE, KEY, AUTHORITIES)]
        except OSError:
            return []
        return [(state.st_mtime_ns, state.st_ino) for state in states]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, proven by a certificate."""

    name: str
    thumbprint: str


def spiffe_id(name: str) -> str:
    """Return the SPIFFE id of a process."""
    return f"spiffe://{TRUST_DOMAIN}/{name}"


@lru_cache(maxsize=256)
def peer_of(spiffe: bytes, certificate: bytes) -> Peer | None:
    """Return the peer with a verified SPIFFE id and certificate (PEM); None if the id is not of our trust domain."""
    prefix, name = spiffe_id("").encode(), spiffe
    if not name.startswith(prefix):
        return None
    return Peer(name.removeprefix(prefix).decode(), thumbprint_of(certificate))


def thumbprint_of(certificate: bytes) -> str:
    """Return the base64url SHA-256 digest of a certificate (PEM), as in the claim `cnf.x5t#S256` of RFC 8705."""
    digest = x509.load_pem_x509_certificate(certificate).fingerprint(SHA256())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
