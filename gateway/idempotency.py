"""Idempotency keys: what a client's repeat is recognised by.

Neither the key nor the request is kept, only keyed hashes of them: either could hold anything.
"""

import hashlib
import hmac
from pathlib import Path

from google.protobuf.message import Message

from chassis.errors import InvalidRequest
from chassis.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim

HEADER = "idempotency-key"
_MAX_LENGTH = 128


class Fingerprints:
    """Hashes under one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, key_file: Path) -> "Fingerprints":
        """Read the key: any 32 bytes or more. Raises ValueError when there are fewer."""
        key = key_file.read_bytes().strip()
        if len(key) < 32:
            raise ValueError(f"{key_file} must hold at least 32 bytes")
        return cls(key)

    def claim(self, method: str, key: str, request: Message) -> IdempotencyClaim:
        """Return the claim that makes a request repeatable under a key."""
        return IdempotencyClaim(
            method=method,
            key_hash=self._hash(key.encode()),
            fingerprint=self._hash(request.SerializeToString(deterministic=True)),
        )

    def _hash(self, content: bytes) -> bytes:
        return hmac.new(self._key, content, hashlib.sha256).digest()


def choose_key(header: str, request_id: str) -> str:
    """Return the key that the client gave by header or request id, "" when none. Raises InvalidRequest."""
    if len(header) > _MAX_LENGTH:
        violation = Violation(HEADER, f"must have at most {_MAX_LENGTH} characters")
    elif header and request_id and header != request_id:
        violation = Violation("requestId", "must equal the Idempotency-Key header when both are given")
    else:
        return header or request_id
    raise InvalidRequest(violations=[violation])
