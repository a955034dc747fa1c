"""Idempotency keys: what a client's repeat is recognised by.

Neither the key nor the request is kept, only keyed hashes of them: either could hold anything.
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
"""The method whose keys these are, also where a row of an import brings one along."""
MAX_LENGTH = 128


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

    def claim_content(self, method: str, account: str, request: Message, seen: "Counter[int]") -> IdempotencyClaim:
        """Return the claim that makes a request repeatable under its own content.

        `seen` counts equal requests, so that each has a key of its own, the same one whenever all are sent again.
        """
        fingerprint = self._hash(request.SerializeToString(deterministic=True))
        # Eight bytes, so that a hundred thousand of them are nothing; two that share them by chance still differ.
        mark = int.from_bytes(fingerprint[:8])
        seen[mark] += 1
        key = f"{account} {seen[mark]} ".encode() + fingerprint
        return IdempotencyClaim(method=method, key_hash=self._hash(key), fingerprint=fingerprint)

    def _hash(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def choose_key(header: str, request_id: str) -> str:
    """Return the key that the client gave by header or request id, "" when none. Raises InvalidRequest."""
    if len(header) > MAX_LENGTH:
        violation = Violation(HEADER, f"must have at most {MAX_LENGTH} characters")
    elif header and request_id and header != request_id:
        violation = Violation("requestId", "must equal the Idempotency-Key header when both are given")
    else:
        return header or request_id
    raise InvalidRequest(violations=[violation])
