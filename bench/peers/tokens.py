"""Access tokens in the peers: the same as the platform's, verified once by PyJWT and cached until they expire."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import jwt

_REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti"]
_CACHED = 10_000

Claims = dict[str, Any]
Known = TypeVar("Known")


class Caller(NamedTuple):
    """The account behind a token."""

    account: UUID
    roles: frozenset[str]


class Unauthenticated(Exception):
    """The token is not valid."""


class Verifier(Generic[Known]):
    """Verifies tokens of one issuer for one audience, and caches the result of `read` on their claims."""

    def __init__(self, trust_dir: Path, issuer: str, audience: str, read: Callable[[Claims], Known]) -> None:
        keys = read_keys(trust_dir, issuer)
        self._keys = {key["kid"]: jwt.PyJWK.from_dict(key).key for key in keys}
        self._issuer, self._audience, self._read = issuer, audience, read
        self._verified: dict[str, tuple[Known, float]] = {}

    def verify(self, token: str) -> Known:
        """Return the account of a token. Raises Unauthenticated."""
        known = self._verified.get(token)
        if known is None:
            claims = self._claims(token)
            known = (self._read(claims), claims["exp"])
            if len(self._verified) >= _CACHED:
                self._verified.clear()
            self._verified[token] = known
        if time.time() >= known[1]:
            raise Unauthenticated
        return known[0]

    def _claims(self, token: str) -> Claims:
        try:
            return jwt.decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, KeyError):
            raise Unauthenticated from None


def read_keys(trust_dir: Path, issuer: str) -> list[dict[str, str]]:
    """Return an issuer's public keys."""
    return json.loads((trust_dir / f"{issuer}.jwks.json").read_text())["keys"]


def account_verifier(trust_dir: Path) -> Verifier[Caller]:
    """Return the verifier of clients' tokens."""
    return Verifier(trust_dir, "auth_svc", "fairdb", _caller)


def bearer(authorization: str) -> str:
    """Return the token of an Authorization header. Raises Unauthenticated."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    return token


def _caller(claims: Claims) -> Caller:
    return Caller(UUID(claims["sub"]), frozenset(claims.get("roles", ())))
