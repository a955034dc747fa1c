"""Idempotency keys, by which a repeated request is recognised.

Only HMACs of the key and of the request are stored, because both may contain personal data.
"""

import hmac
from collections import Counter
from pathlib import Path

from google.protobuf.message import Message

from chassis.errors import InvalidRequest
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim

HEADER = "idempotency-key"
CREATE = "fairdb.samples.v1.SampleService.CreateSample"
"""The method under which a key is recorded. Request ids of imported rows are recorded under it too."""
MAX_LENGTH = 128


class Fingerprints:
    """Computes idempotency claims: HMACs of a key and of a request, under one secret."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, key_file: Path) -> "Fingerprints":
        """Read the secret key from a file. Raises ValueError if it has fewer than 32 bytes."""
        key = key_file.read_bytes().strip()
        if len(key) < 32:
            raise ValueError(f"{key_file} must contain at least 32 bytes")
        return cls(key)

    def claim(self, method: str, key: str, request: Message) -> IdempotencyClaim:
        """Return the claim that makes a request idempotent under a key."""
        return IdempotencyClaim(
            method=method,
            key_hash=self._hash(key.encode()),
            fingerprint=self._hash(request.SerializeToString(deterministic=True)),
        )

    def claim_content(self, method: str, account: str, request: Message, seen: "Counter[int]") -> IdempotencyClaim:
        """Return the claim of a request without a key, whose content then serves as its key.

        `seen` counts equal requests, and the count is part of the key. When all requests are sent again, the n-th of
        several equal ones therefore gets the same key as before.
        """
        fingerprint = self._hash(request.SerializeToString(deterministic=True))
        # Count by the first eight bytes to save memory. A collision affects only the count: the key has the whole hash.
        prefix = int.from_bytes(fingerprint[:8])
        seen[prefix] += 1
        key = f"{account} {seen[prefix]} ".encode() + fingerprint
        return IdempotencyClaim(method=method, key_hash=self._hash(key), fingerprint=fingerprint)

    def _hash(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def choose_key(header: str, request_id: str) -> str:
    """Return the key from the header or the request id, "" if neither is given. Raises InvalidRequest."""
    if len(header) > MAX_LENGTH:
        violation = Violation(HEADER, f"must have at most {MAX_LENGTH} characters")
    elif header and request_id and header != request_id:
        violation = Violation("requestId", "must equal the Idempotency-Key header when both are given")
    else:
        return header or request_id
    raise InvalidRequest(violations=[violation])
