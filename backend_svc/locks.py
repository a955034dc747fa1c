"""Advisory locks of PostgreSQL, held by the transactions that store, settle, withdraw and count samples.

Storing a sample takes the locks of its consents and of the sample shared; a withdrawal or a settlement takes them
exclusively. A change to the counts of a donor takes the lock of the donor exclusively, and the declaration of a use
that of the account.

Locks last until the end of the transaction. A statement sees what the previous holder committed only if it starts after
the lock was taken: so check in a separate statement, never in the one that takes the lock.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from chassis.storage.database import Connection

EXCLUSIVE = "SELECT pg_advisory_xact_lock($1)"
SEVERAL = """
SELECT CASE WHEN exclusive THEN pg_advisory_xact_lock(key) ELSE pg_advisory_xact_lock_shared(key) END
FROM unnest($1::bigint[], $2::boolean[]) AS wanted (key, exclusive)
"""


def lock_key(kind: Literal["consent", "sample", "account"], id: UUID) -> int:
    """Return the lock of something: a 64-bit hash. Two may have the same lock, which is harmless."""
    return _hash(kind, id.bytes)


def donor_key(study: UUID, subject: str) -> int:
    """Return the lock of a donor in a study, by the donor's pseudonym."""
    return _hash("donor", study.bytes + subject.encode())


async def lock(connection: Connection, key: int) -> None:
    """Take a lock exclusively."""
    await connection.execute(EXCLUSIVE, key)


async def take(connection: Connection, *, shared: Iterable[int] = (), exclusive: Iterable[int] = ()) -> None:
    """Take several locks in ascending order, so that two callers cannot deadlock. Call it once in a transaction."""
    wanted = dict.fromkeys(shared, False) | dict.fromkeys(exclusive, True)
    keys = sorted(wanted)
    await connection.execute(SEVERAL, keys, [wanted[key] for key in keys])


def _hash(kind: str, content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, person=kind.encode()).digest(), signed=True)
