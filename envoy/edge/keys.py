"""Copies the public keys of users' tokens from the trust folder to Envoy."""

import json
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.files import write_atomically
from chassis.identity.keys import ACCOUNT_ISSUER, KEY_SET_SUFFIX, public_jwk
from edge.files import EdgeFiles
from edge.tokens import write_token_filter

log = structlog.get_logger()

SOURCE = f"{ACCOUNT_ISSUER}{KEY_SET_SUFFIX}"
PUBLIC_MEMBERS = ("kty", "crv", "x", "kid", "alg", "use")


class KeysInvalid(Exception):
    """The file contains no usable key set."""


class KeyCopy:
    """Copies the key set when it changes. The last good one stays in use while the file is unreadable."""

    def __init__(self, trust_dir: Path, files: EdgeFiles) -> None:
        self._source = trust_dir / SOURCE
        self._files = files
        self._seen: tuple[int, int] | None = None

    def refresh(self) -> None:
        """Copy the key set if it has changed since the last call."""
        try:
            stat = self._source.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            if version == self._seen:
                return
            keys = read_public_keys(self._source.read_bytes())
        except FileNotFoundError:
            # auth_svc has not started yet. The last known keys stay in use.
            return
        except (OSError, KeysInvalid) as error:
            log.warning("keys_unreadable", file=SOURCE, error=type(error).__name__)
            return
        publish_keys(self._files, keys)
        self._seen = version
        log.info("keys_changed", keys=[key.get("kid") for key in keys])


def read_public_keys(content: bytes) -> list[dict[str, str]]:
    """Return the public members of the keys of a JWKS. Raises KeysInvalid, also for an empty set."""
    try:
        keys = [{name: key[name] for name in PUBLIC_MEMBERS if name in key} for key in json.loads(content)["keys"]]
    except (ValueError, TypeError, KeyError) as error:
        raise KeysInvalid from error
    if not keys:
        raise KeysInvalid
    return keys


def publish_keys(files: EdgeFiles, keys: list[dict[str, str]]) -> None:
    """Make Envoy trust exactly these keys."""
    write_atomically(files.jwks, json.dumps({"keys": keys}, indent=1).encode())
    write_token_filter(files.tokens, keys)


def read_last_known(files: EdgeFiles) -> list[dict[str, str]]:
    """Return the keys that the edge saved before its last stop, or a placeholder."""
    try:
        return read_public_keys(files.jwks.read_bytes())
    except (FileNotFoundError, KeysInvalid):
        return [make_placeholder()]


def make_placeholder() -> dict[str, str]:
    """Return a public key whose private key is discarded, because Envoy does not start with an empty key set."""
    return public_jwk(Ed25519PrivateKey.generate().public_key()) | {"kid": "placeholder"}
