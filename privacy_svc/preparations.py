"""Preparations at rest: how each sample was anonymised, on which consents, or that it was discarded."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.database import Connection
from chassis.errors import SagaTakenOver, SampleNotFound
from chassis.sweep import Sweep
from fairdb.samples.v1.sample_service_pb2 import SamplePrivacy
from privacy_svc.consents import SAMPLE_CREATION
from privacy_svc.errors import ConsentRequired

# One statement checks consent and keeps the record, so that neither happens without the other.
PREPARE = """
WITH given AS (
    SELECT id, subject_hash FROM consent
    WHERE account_id = $2 AND purpose = $7 AND withdrawn_at IS NULL AND (subject_hash IS NULL OR subject_hash = $6)
), recorded AS (
    INSERT INTO preparation (sample_id, account_id, policy_version, actions, dropped_field_count, fencing_token)
    SELECT $1, $2, $3, $4, $5, $8
    WHERE EXISTS (SELECT FROM given WHERE subject_hash IS NULL)
      AND ($6::bytea IS NULL OR EXISTS (SELECT FROM given WHERE subject_hash IS NOT NULL))
    ON CONFLICT (sample_id) DO NOTHING
    RETURNING sample_id
)
SELECT (SELECT id FROM given WHERE subject_hash IS NULL) AS account_consent,
       (SELECT id FROM given WHERE subject_hash IS NOT NULL) AS subject_consent,
       EXISTS (SELECT FROM recorded) AS recorded
"""
EXISTING = "SELECT account_id, discarded, fencing_token FROM preparation WHERE sample_id = $1"
DISCARD = """
INSERT INTO preparation (sample_id, discarded, fencing_token) VALUES ($1, true, $2)
ON CONFLICT (sample_id) DO UPDATE
SET discarded = true, account_id = NULL, policy_version = NULL, actions = NULL, dropped_field_count = NULL,
    fencing_token = excluded.fencing_token
WHERE preparation.fencing_token <= excluded.fencing_token
RETURNING sample_id
"""
FORGET = """
UPDATE preparation
SET discarded = true, account_id = NULL, policy_version = NULL, actions = NULL, dropped_field_count = NULL
WHERE sample_id = $1 AND NOT discarded AND fencing_token <= $2
"""
# A call that has been on its way for a month comes no more.
SWEEP_TOMBSTONES = Sweep("preparation", "discarded AND prepared_at < now() - interval '30 days'")
STATUS = "SELECT * FROM preparation WHERE sample_id = $1 AND NOT discarded"


async def prepare(
    connection: Connection,
    sample_id: UUID,
    account_id: UUID,
    subject_hash: bytes | None,
    policy_version: str,
    actions: Mapping[str, str],
    dropped_field_count: int,
    fencing_token: int,
) -> Sequence[UUID]:
    """Check consent, keep the record, and return the consents. Raises ConsentRequired, SagaTakenOver."""
    row = await connection.fetchrow(
        PREPARE,
        sample_id,
        account_id,
        policy_version,
        json.dumps(dict(actions)),
        dropped_field_count,
        subject_hash,
        SAMPLE_CREATION,
        fencing_token,
    )
    assert row is not None
    if row["account_consent"] is None:
        raise ConsentRequired(purpose=SAMPLE_CREATION, of="account")
    if subject_hash is not None and row["subject_consent"] is None:
        raise ConsentRequired(purpose=SAMPLE_CREATION, of="subject")
    if not row["recorded"] and not await is_open(connection, sample_id, account_id, fencing_token):
        raise SagaTakenOver
    return [consent for consent in (row["account_consent"], row["subject_consent"]) if consent is not None]


async def is_open(connection: Connection, sample_id: UUID, account_id: UUID, fencing_token: int) -> bool | None:
    """Tell whether a call that prepares a sample repeats one that counts, None when it is the first.

    False: the sample was discarded, or is dealt with under a newer lease.
    """
    row = await connection.fetchrow(EXISTING, sample_id)
    if row is None:
        return None
    return not row["discarded"] and row["account_id"] == account_id and row["fencing_token"] <= fencing_token


async def forget(connection: Connection, sample_id: UUID, fencing_token: int) -> None:
    """Discard what an earlier attempt of the same call kept: this one is refused, so nobody will."""
    await connection.execute(FORGET, sample_id, fencing_token)


async def discard(connection: Connection, sample_id: UUID, fencing_token: int) -> None:
    """Leave a tombstone, whether or not there was a preparation. Raises SagaTakenOver."""
    if await connection.fetchval(DISCARD, sample_id, fencing_token) is None:
        raise SagaTakenOver


async def status(connection: Connection, sample_id: UUID) -> SamplePrivacy:
    """Return how a sample was anonymised. Raises SampleNotFound."""
    row = await connection.fetchrow(STATUS, sample_id)
    if row is None:
        raise SampleNotFound
    privacy = SamplePrivacy(
        anonymized=True,
        policy_version=row["policy_version"],
        actions=json.loads(row["actions"]),
        dropped_field_count=row["dropped_field_count"],
    )
    privacy.anonymize_time.FromDatetime(row["prepared_at"])
    return privacy
