"""Keystore: derives a donor's pseudonyms and consent handle with secret keys. Neither can be reversed."""

import base64
import binascii
import hmac
import json
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fairdatabase.policy.text.characters import clean, normalise_subject

_KEYS = ("pseudonym", "consent")
_KEY_BYTES = 32
_PSEUDONYM_BYTES = 16
_STUDIES_CACHED = 1024
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
# All pairs of base32 characters, so that one look-up encodes ten bits.
_BASE32_PAIRS = [first + second for first in _BASE32 for second in _BASE32]


class KeystoreError(Exception):
    """The keystore file is unusable; the message says why, without a key."""


class Keystore:
    """Holds the pseudonym key and the consent key. They differ, so pseudonyms and handles cannot be linked."""

    def __init__(self, *, pseudonym_key: bytes, consent_key: bytes) -> None:
        if len(pseudonym_key) != _KEY_BYTES or len(consent_key) != _KEY_BYTES:
            raise KeystoreError(f"each key must be {_KEY_BYTES} bytes long")
        if hmac.compare_digest(pseudonym_key, consent_key):
            raise KeystoreError("the two keys must differ")
        self._consent_key = consent_key
        # Copying a keyed HMAC is cheaper than creating one.
        self._study_mac = lru_cache(maxsize=_STUDIES_CACHED)(
            lambda study_id: hmac.new(_derive(pseudonym_key, study_id), digestmod="sha256")
        )

    @classmethod
    def load(cls, path: str | Path) -> "Keystore":
        """Read a JSON file with two base64 keys, `{"pseudonym": …, "consent": …}`. Raises KeystoreError."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise KeystoreError(f"{path}: {error.strerror}") from error
        except ValueError:
            raise KeystoreError(f"{path}: not a JSON file") from None
        if not isinstance(content, dict) or set(content) != set(_KEYS):
            raise KeystoreError(f"{path}: must be a JSON object with exactly the fields {', '.join(_KEYS)}")
        pseudonym_key, consent_key = (_decode(path, name, content[name]) for name in _KEYS)
        return cls(pseudonym_key=pseudonym_key, consent_key=consent_key)

    def consent_subject(self, subject: str) -> bytes:
        """Return the handle under which a donor's consent is recorded: 32 bytes, the same in every study."""
        return hmac.digest(self._consent_key, _message(subject), "sha256")

    def former_consent_subject(self, subject: str) -> bytes:
        """Return the handle that version 0.1 used, which depended on case and separators."""
        return hmac.digest(self._consent_key, clean(subject).encode(), "sha256")

    def pseudonym(self, study_id: str, subject: str) -> str:
        """Return a donor's pseudonym in one study: "p-" and 26 base32 characters. It differs in every study."""
        if not study_id:
            raise ValueError("a pseudonym needs a study")
        mac = self._study_mac(study_id).copy()
        mac.update(_message(subject))
        return "p-" + _base32(mac.digest()[:_PSEUDONYM_BYTES])


def _message(subject: str) -> bytes:
    normalised = normalise_subject(subject)
    if not normalised:
        raise ValueError("the subject is empty")
    return normalised.encode()


def _base32(content: bytes) -> str:
    """Return content in lower-case base32 (RFC 4648) without padding, in half the time of the standard library."""
    bits = len(content) * 8
    padding = -bits % 10
    number = int.from_bytes(content) << padding
    pairs = [_BASE32_PAIRS[number >> place & 1023] for place in range(bits + padding - 10, -1, -10)]
    return "".join(pairs)[: -(-bits // 5)]


def _derive(key: bytes, study_id: str) -> bytes:
    info = b"fairdb pseudonym " + study_id.encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key)


def _decode(path: str | Path, name: str, value: object) -> bytes:
    try:
        return base64.b64decode(value if isinstance(value, str) else "", validate=True)
    except binascii.Error:
        raise KeystoreError(f"{path}: the key {name} is not base64") from None
