"""The stored preparations: whether a call may repeat one, and how one is discarded."""

from uuid import UUID

from chassis.storage.database import Connection
from chassis.storage.sweep import Sweep
from privacy_svc.samples.errors import SagaTakenOver

EXISTING = "SELECT account_id, discarded, fencing_token FROM preparation WHERE sample_id = $1"
_EMPTIED = """
discarded = true, account_id = NULL, policy_version = NULL, actions = NULL, dropped_field_count = NULL,
study_id = NULL, consents = '{}'
"""
DISCARD = f"""
INSERT INTO preparation (sample_id, discarded, fencing_token) VALUES ($1, true, $2)
ON CONFLICT (sample_id) DO UPDATE SET {_EMPTIED}, fencing_token = excluded.fencing_token
WHERE preparation.fencing_token <= excluded.fencing_token
RETURNING sample_id
"""
DISCARD_EXISTING = f"""
UPDATE preparation SET {_EMPTIED} WHERE sample_id = $1 AND NOT discarded AND fencing_token <= $2
"""
# A tombstone is needed only while a delayed call may still arrive. No call is delayed for a month.
SWEEP_TOMBSTONES = Sweep("preparation", "discarded AND prepared_at < now() - interval '30 days'")


async def is_open(connection: Connection, sample_id: UUID, account_id: UUID, fencing_token: int) -> bool | None:
    """Return whether a preparation exists that this call may repeat. None: there is no preparation yet.

    False: the sample was discarded, belongs to another account, or a newer lease has prepared it.
    """
    row = await connection.fetchrow(EXISTING, sample_id)
    if row is None:
        return None
    return not row["discarded"] and row["account_id"] == account_id and row["fencing_token"] <= fencing_token


async def discard(connection: Connection, sample_id: UUID, fencing_token: int) -> None:
    """Replace a preparation by a tombstone, or create the tombstone. Idempotent. Raises SagaTakenOver."""
    if await connection.fetchval(DISCARD, sample_id, fencing_token) is None:
        raise SagaTakenOver


async def discard_existing(connection: Connection, sample_id: UUID, fencing_token: int) -> None:
    """Discard the preparation if there is one. Unlike discard(), add no tombstone and do not raise SagaTakenOver."""
    await connection.execute(DISCARD_EXISTING, sample_id, fencing_token)
