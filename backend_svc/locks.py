"""Advisory locks of PostgreSQL: storing a sample takes them shared, a withdrawal or a settlement exclusively.

Locks last until the end of the transaction. A statement sees what the previous holder committed only if it starts after
the lock was taken: so check in a separate statement, never in the one that takes the lock.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from chassis.storage.database import Connection

EXCLUSIVE = "SELECT pg_advisory_xact_lock($1)"
SHARED = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest($1::bigint[]) AS key"


def lock_key(kind: Literal["consent", "sample"], id: UUID) -> int:
    """Return the lock of a consent or a sample: a 64-bit hash. Two may have the same lock, which is harmless."""
    return int.from_bytes(hashlib.blake2b(id.bytes, digest_size=8, person=kind.encode()).digest(), signed=True)


async def lock(connection: Connection, key: int) -> None:
    """Take a lock exclusively."""
    await connection.execute(EXCLUSIVE, key)


async def share(connection: Connection, keys: Iterable[int]) -> None:
    """Take several locks shared, in ascending order, so that two callers cannot deadlock."""
    await connection.execute(SHARED, sorted({*keys}))
