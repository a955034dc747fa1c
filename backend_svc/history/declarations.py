"""Declarations: limits how many different uses an account declares.

The terms of a sample list values, such as diseases. Somebody who declared one disease after the other would find those
that a consent names. So only a few different declarations with such values are accepted in a time.
"""

import hashlib
from uuid import UUID

from backend_svc import locks
from chassis.storage.database import Connection
from chassis.storage.sweep import Sweep
from fairdatabase.policy.access.tried_values import values_of
from fairdb.samples.v1.data_use_pb2 import IntendedUse

MOST_DIFFERENT = 5
"""How many different uses an account may declare within 30 days."""

# $3: how many there may be. A repeated declaration counts once, and as of its first time.
ADD = """
INSERT INTO declaration (account, use_hash)
SELECT $1, $2 WHERE $3 > (
    SELECT count(*) FROM declaration WHERE account = $1 AND use_hash <> $2 AND declared_at > now() - interval '30 days'
)
ON CONFLICT (account, use_hash) DO UPDATE
SET declared_at = CASE WHEN declaration.declared_at > now() - interval '30 days' THEN declaration.declared_at
                       ELSE now() END
RETURNING account
"""
SWEEP_DECLARED = Sweep("declaration", "declared_at < now() - interval '30 days'")


async def is_admitted(connection: Connection, account: UUID, use: IntendedUse) -> bool:
    """Count a declaration, inside the caller's transaction; return whether the account may still make it."""
    values = values_of(use)
    if not values:
        return True
    await locks.lock(connection, locks.lock_key("account", account))
    digest = hashlib.blake2b(repr(values).encode(), digest_size=16).digest()
    return await connection.fetchval(ADD, account, digest, MOST_DIFFERENT) is not None
