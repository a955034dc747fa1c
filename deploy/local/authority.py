"""A certificate authority for one machine: it signs a certificate for each service, server and tool of the platform.

The authority's key never leaves `secrets/`. Certificates live a day; the process `authority` renews them long before
they end. On Kubernetes cert-manager takes this part: see docs/decisions/mutual-tls.md.
"""

import ipaddress
import os
import shutil
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chassis.files import write_atomically
from chassis.identity.certificates import (
    AUTHORITIES,
    CERTIFICATE,
    EDGE,
    KEY,
    OPERATOR,
    TRUST_DOMAIN,
    spiffe_id,
)
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK
from deploy.local.users import Users
from deploy.services import NAMES

LIFETIME = timedelta(days=1)
_AUTHORITY_LIFETIME = timedelta(days=3650)
_CLOCK_SKEW = timedelta(minutes=1)
_LONGEST_KEY = 4096  # bytes, of PEM
CLIENTS = (*NAMES, EDGE, OPERATOR)
"""Who calls services and servers. Services are servers too."""
_SERVER_NAMES: dict[str, list[x509.GeneralName]] = {
    "rabbitmq": [x509.DNSName("localhost")],
    # The last is the name that Consul servers expect of each other.
    "consul": [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("server.dc1.consul")],
}
"""The hosts in the URLs of the servers that use TLS. They differ, so that no server can pose as another."""
HOLDERS = (*CLIENTS, *_SERVER_NAMES)
"""Everybody who has a certificate."""


@dataclass(frozen=True)
class Authority:
    """Issues certificates into the folders of a layout. Creates its own key at the first use."""

    layout: Layout

    @property
    def certificate(self) -> Path:
        """The authority's own certificate, which everybody trusts."""
        return self.layout.certificates / AUTHORITIES

    def folder(self, holder: str) -> Path:
        """Return the folder with a holder's certificate, key and authorities. It is a symlink, replaced at renewal."""
        return self.layout.certificates / holder

    def client_context(self, holder: str) -> ssl.SSLContext:
        """Return a TLS context that trusts only this authority, and shows a holder's certificate."""
        context = ssl.create_default_context(cafile=self.certificate)
        context.load_cert_chain(self.folder(holder) / CERTIFICATE, self.folder(holder) / KEY)
        return context

    def issue(self, holder: str, lifetime: timedelta = LIFETIME) -> None:
        """Give a holder a new key and certificate. Only the holder's user can read the key."""
        authority, signer = self._load()
        key = generate_private_key(SECP256R1())
        certificate = _leaf(holder, key, authority, signer, lifetime)
        issued = self.layout.certificates / ".issued"
        issued.mkdir(exist_ok=True)
        issued.chmod(0o711)
        version = issued / f"{holder}.{certificate.serial_number:x}"
        # The folder stays ours: its holder must not be able to put something there that we would wait for when we read.
        version.mkdir(mode=0o711)
        version.chmod(0o711)
        write_atomically(version / CERTIFICATE, certificate.public_bytes(Encoding.PEM))
        write_atomically(version / AUTHORITIES, authority.public_bytes(Encoding.PEM))
        write_atomically(version / KEY, _pem(key), mode=0o400)
        Users.of(self.layout).give(holder, version / KEY)
        self._switch(self.folder(holder), version)
        self._forget_old(holder, version)

    def issue_missing(self, holders: Iterable[str] = HOLDERS, lifetime: timedelta = LIFETIME) -> None:
        """Issue a certificate to each holder whose certificate is absent, damaged, or due for renewal."""
        for holder in holders:
            if self.due(holder, lifetime):
                self.issue(holder, lifetime)
            # Another user may have started the platform before, or root, while others could not enter the checkout.
            Users.of(self.layout).give(holder, self.folder(holder).resolve() / KEY)

    def due(self, holder: str, lifetime: timedelta = LIFETIME) -> bool:
        """Return whether less than two thirds of a certificate's lifetime are left, or more than all of it."""
        authority, _ = self._load()
        try:
            held = x509.load_pem_x509_certificate((self.folder(holder) / CERTIFICATE).read_bytes())
            held.verify_directly_issued_by(authority)
            key = load_pem_private_key(_read_little(self.folder(holder) / KEY), password=None)
            trusted = (self.folder(holder) / AUTHORITIES).read_bytes()
        except (OSError, ValueError, InvalidSignature):  # absent, damaged, or of another authority
            return True
        if key.public_key() != held.public_key() or trusted != authority.public_bytes(Encoding.PEM):
            return True
        left = held.not_valid_after_utc - datetime.now(UTC)
        return not lifetime * 2 / 3 <= left <= lifetime

    def _load(self) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        key_file = self.layout.secrets / "authority.key.pem"
        if not key_file.exists():
            self.layout.certificates.mkdir(exist_ok=True)
            write_atomically(key_file, _pem(generate_private_key(SECP256R1())), mode=0o400)
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError(f"{key_file} is not an elliptic-curve key: delete it, and the next start creates one")
        if self.certificate.exists():
            authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            if authority.public_key() == key.public_key():
                return authority, key
        # There is none yet, or the key was deleted to get a new one.
        authority = _root(key)
        write_atomically(self.certificate, authority.public_bytes(Encoding.PEM))
        return authority, key

    @staticmethod
    def _switch(link: Path, version: Path) -> None:
        """Make a symlink point to another folder, atomically."""
        fresh = link.with_name(f".{version.name}")
        fresh.symlink_to(version.relative_to(link.parent))
        fresh.replace(link)

    @staticmethod
    def _forget_old(holder: str, current: Path) -> None:
        """Delete all earlier versions but the last one, which a process may be reading."""
        versions = [path for path in current.parent.glob(f"{holder}.*") if path != current]
        for path in sorted(versions, key=lambda path: path.stat().st_mtime_ns)[:-1]:
            shutil.rmtree(path, ignore_errors=True)


def _read_little(path: Path) -> bytes:
    """Read a key, which its holder may have made too long to read. Raises OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        content = os.read(descriptor, _LONGEST_KEY)
        if len(content) == _LONGEST_KEY:
            raise ValueError("too long for a key")
        return content
    finally:
        os.close(descriptor)


def _root(key: EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{TRUST_DOMAIN} authority")])
    return (
        _builder(name, name, key, _AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _leaf(
    holder: str,
    key: EllipticCurvePrivateKey,
    authority: x509.Certificate,
    signer: EllipticCurvePrivateKey,
    lifetime: timedelta,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe_id(holder)), x509.DNSName(holder)]
    names += _SERVER_NAMES.get(holder, [])
    # Consul also calls itself.
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH] if holder in (*CLIENTS, "consul") else []
    if holder in (*NAMES, *_SERVER_NAMES):
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, holder)])
    return (
        _builder(name, authority.subject, key, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
