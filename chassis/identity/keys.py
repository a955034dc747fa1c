"""Public keys of token issuers as JSON Web Keys, and what tokens contain: issuer, audience, lifetime."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALGORITHM = "EdDSA"
ACCOUNT_ISSUER = "auth_svc"
ACCOUNT_AUDIENCE = "fairdb"
ACCOUNT_TOKEN_SECONDS = 900
"""The longest lifetime of an account's token that a verifier accepts, and the lifetime that auth_svc gives it."""
SERVICE_TOKEN_SECONDS = 300
"""The same for tokens of services."""
CLOCK_SKEW_SECONDS = 30
"""The difference between the clocks of two machines that a verifier tolerates. Envoy tolerates the same."""
KEY_SET_SUFFIX = ".jwks.json"
"""A trust folder contains one `<issuer>.jwks.json` for each issuer."""


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return the public JWK (RFC 8037). Its `kid` is the RFC 7638 thumbprint."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**required, "kid": _base64url(thumbprint), "alg": ALGORITHM, "use": "sig"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
