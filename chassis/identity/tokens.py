"""Tokens: JWTs signed with Ed25519, by auth_svc for accounts and by each service for itself.

Every issuer has its own key. Services read the public keys from a trust folder, one JWKS file for each issuer
(`<issuer>.jwks.json`), so that verification calls no other service. A token is valid only if it was signed with a key
of the issuer that it names, so a service cannot sign for an account or for another service. The verifier limits the
lifetime too, so a key cannot sign a token that outlives the list of revoked tokens.

A service's token is bound to the certificate of the connection that it travels on (RFC 8705, section 3): the claim
`cnf` has the certificate's thumbprint. Whoever steals the token cannot use it without the key of that certificate.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.call_context import Caller
from chassis.errors import Unauthenticated
from chassis.identity.certificates import Peer
from chassis.identity.keys import (
    ACCOUNT_AUDIENCE,
    ACCOUNT_ISSUER,
    ACCOUNT_TOKEN_SECONDS,
    ALGORITHM,
    CLOCK_SKEW_SECONDS,
    KEY_SET_SUFFIX,
    SERVICE_TOKEN_SECONDS,
    public_jwk,
)
from fairdb.options.v1.access_pb2 import Role

log = structlog.get_logger()

_RENEW_BEFORE = 60
_THUMBPRINT = "x5t#S256"
_CACHED_TOKENS = 10_000
_TRUST_RELOAD_SECONDS = 5.0


class Signer:
    """Signs tokens with one private key."""

    def __init__(self, issuer: str, key: Ed25519PrivateKey) -> None:
        self.issuer = issuer
        self.jwk = public_jwk(key.public_key())
        self._key = key

    @classmethod
    def load(cls, issuer: str, key_file: Path) -> "Signer":
        """Read the key from a PKCS 8 PEM file. Raises ValueError unless it is an Ed25519 key."""
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{key_file} must contain an Ed25519 private key")
        return cls(issuer, key)

    def sign(self, audience: str, lifetime: int, claims: Mapping[str, Any]) -> str:
        """Return a token for `audience` that is valid for `lifetime` seconds."""
        now = int(time.time())
        payload = {
            "jti": str(uuid4()),
            **claims,
            "iss": self.issuer,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM, headers={"kid": self.jwk["kid"]})


class ServiceTokens:
    """A service's own tokens, one for each callee, renewed a minute before they expire and with the certificate."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._tokens: dict[str, tuple[str, str | None, float]] = {}

    def token_for(self, callee: str, thumbprint: str | None) -> str:
        """Return a token that `callee` accepts on a connection with our certificate of this thumbprint.

        Without a thumbprint, the token is not bound: a sidecar has the certificate.
        """
        token, bound_to, renew_at = self._tokens.get(callee, ("", None, 0.0))
        if time.time() >= renew_at or bound_to != thumbprint:
            bound = {} if thumbprint is None else {"cnf": {_THUMBPRINT: thumbprint}}
            token = self._signer.sign(callee, SERVICE_TOKEN_SECONDS, {"sub": self._signer.issuer, **bound})
            self._tokens[callee] = (token, thumbprint, time.time() + SERVICE_TOKEN_SECONDS - _RENEW_BEFORE)
        return token

    def forget(self, callee: str) -> None:
        """Sign a new token for the next call, because the callee refused this one."""
        self._tokens.pop(callee, None)


@dataclass(frozen=True, slots=True)
class _Key:
    issuer: str
    public: Ed25519PublicKey


class TrustStore:
    """The public keys in the trust folder, reloaded when a file changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, _Key] = {}
        self._documents: list[dict[str, str]] = []
        self._stamp: object = None
        self._checked_at = float("-inf")

    def find(self, key_id: str) -> _Key | None:
        """Return the key with this id, or None. Checks the folder for changes at most every few seconds."""
        self._refresh()
        return self._keys.get(key_id)

    def documents(self) -> list[dict[str, str]]:
        """Return every trusted public JWK."""
        self._refresh()
        return self._documents

    def _refresh(self) -> None:
        if time.monotonic() - self._checked_at < _TRUST_RELOAD_SECONDS:
            return
        self._checked_at = time.monotonic()
        try:
            self._read()
        except (OSError, ValueError, KeyError, jwt.PyJWTError) as error:
            # Keep the last good keys in use.
            log.error("trust_folder_unreadable", error=error)

    def _read(self) -> None:
        files = sorted(self._folder.glob(f"*{KEY_SET_SUFFIX}"))
        stamp = [(file, file.stat().st_mtime_ns) for file in files]
        if stamp == self._stamp:
            return
        keys: dict[str, _Key] = {}
        documents: list[dict[str, str]] = []
        for file in files:
            for document in json.loads(file.read_text())["keys"]:
                public = jwt.PyJWK.from_dict(document).key
                keys[document["kid"]] = _Key(file.name.removesuffix(KEY_SET_SUFFIX), public)
                documents.append(document)
        self._keys, self._documents, self._stamp = keys, documents, stamp


_Presented = tuple[str, str, Peer | None]
"""The kind of a token, the token, and who presented it."""


class Verifier:
    """Verifies tokens for one audience. A verified token is cached until it expires."""

    def __init__(self, service: str, trust: TrustStore) -> None:
        self._service = service
        self._trust = trust
        self._verified: OrderedDict[_Presented, Caller] = OrderedDict()

    def account(self, token: str) -> Caller:
        """Return the account of an access token. Raises Unauthenticated."""
        key = ("account", token, None)
        return self._remembered(key) or self._remember(key, self._account(token))

    def service(self, token: str, peer: Peer | None) -> Caller:
        """Return the service that signed a service token. Raises Unauthenticated.

        `peer` is who presents it, and must be that service, with the certificate that the token is bound to; None if a
        sidecar has checked who it is.
        """
        key = ("service", token, peer)
        return self._remembered(key) or self._remember(key, self._service_caller(token, peer))

    def _account(self, token: str) -> Caller:
        claims = self._claims(token, ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS)
        if claims["iss"] != ACCOUNT_ISSUER:
            raise Unauthenticated
        return Caller(
            user_id=claims["sub"],
            roles=frozenset(Role.Value(name) for name in claims.get("roles", ())),
            session_id=claims.get("sid"),
            account_since=claims.get("since", 0.0),
            token_id=claims["jti"],
            token_expires=claims["exp"] + CLOCK_SKEW_SECONDS,
        )

    def _service_caller(self, token: str, peer: Peer | None) -> Caller:
        claims = self._claims(token, self._service, SERVICE_TOKEN_SECONDS)
        if peer is not None and (peer.name, {_THUMBPRINT: peer.thumbprint}) != (claims["iss"], claims.get("cnf")):
            raise Unauthenticated
        return Caller(service=claims["iss"], token_id=claims["jti"], token_expires=claims["exp"] + CLOCK_SKEW_SECONDS)

    def _claims(self, token: str, audience: str, longest: int) -> dict[str, Any]:
        """Return the claims of a valid token that lives at most `longest` seconds. Raises Unauthenticated."""
        try:
            key = self._trust.find(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                raise Unauthenticated
            required = ["iss", "aud", "sub", "exp", "iat", "jti"]
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=audience,
                options={"require": required},
                leeway=CLOCK_SKEW_SECONDS,
            )
        except jwt.PyJWTError:
            # Hide the library's error, because its text may quote the token.
            raise Unauthenticated from None
        if claims["iss"] != key.issuer or claims["exp"] - claims["iat"] > longest:
            raise Unauthenticated
        return claims

    def _remembered(self, key: _Presented) -> Caller | None:
        caller = self._verified.get(key)
        if caller is not None and time.time() >= caller.token_expires:
            del self._verified[key]
            raise Unauthenticated
        return caller

    def _remember(self, key: _Presented, caller: Caller) -> Caller:
        self._verified[key] = caller
        if len(self._verified) > _CACHED_TOKENS:
            self._verified.popitem(last=False)
        return caller
