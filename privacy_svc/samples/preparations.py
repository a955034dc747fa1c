"""Preparations at rest: how each sample was anonymised, under which terms, or that it was discarded."""

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis.errors import SagaTakenOver, SampleNotFound
from chassis.storage.database import Connection
from chassis.storage.sweep import Sweep
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from fairdb.samples.v1.sample_service_pb2 import SamplePrivacy
from privacy_svc.consent.consents import DATA_SHARING, NOT_ENDED
from privacy_svc.consent.rows import read_terms
from privacy_svc.data_use.matching import Given, combine

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
FORGET = f"""
UPDATE preparation SET {_EMPTIED} WHERE sample_id = $1 AND NOT discarded AND fencing_token <= $2
"""
# A call that has been on its way for a month comes no more.
SWEEP_TOMBSTONES = Sweep("preparation", "discarded AND prepared_at < now() - interval '30 days'")
# The consents that a sample rests on bind it for good, although they permit nothing more once they have ended. What its
# account or donor has agreed to about sharing is read as it is now; conditions of an agreement that has ended bind
# until a new one takes their place, or whoever takes back what was permitted would permit more.
STATUS = f"""
WITH found AS (
    SELECT * FROM preparation WHERE sample_id = ANY ($1::uuid[]) AND NOT discarded
), resting AS (
    SELECT found.sample_id, consent.subject_hash, consent.data_use, {NOT_ENDED} AS counts
    FROM found JOIN consent ON consent.id = ANY (found.consents)
), latest AS (
    SELECT DISTINCT ON (found.sample_id, consent.subject_hash, consent.study_id)
        found.sample_id, consent.subject_hash, consent.study_id, consent.data_use, {NOT_ENDED} AS counts
    FROM found JOIN consent USING (account_id)
    WHERE consent.purpose = $2 AND (consent.study_id IS NULL OR consent.study_id = found.study_id)
      AND EXISTS (
          SELECT FROM resting
          WHERE resting.sample_id = found.sample_id
            AND resting.subject_hash IS NOT DISTINCT FROM consent.subject_hash
      )
    ORDER BY found.sample_id, consent.subject_hash, consent.study_id, consent.id DESC
), shared AS (
    SELECT DISTINCT ON (sample_id, subject_hash) sample_id, subject_hash, data_use FROM latest WHERE counts
    ORDER BY sample_id, subject_hash, study_id NULLS LAST
), given AS (
    SELECT * FROM resting
    UNION ALL SELECT *, true FROM shared
    UNION ALL SELECT sample_id, subject_hash, data_use, false FROM latest WHERE NOT counts
)
SELECT found.*,
       (SELECT jsonb_agg(jsonb_build_object('by_donor', subject_hash IS NOT NULL, 'terms', data_use, 'counts', counts))
        FROM given WHERE given.sample_id = found.sample_id) AS data_use
FROM found
"""


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
    row = await connection.fetchrow(STATUS, [sample_id], DATA_SHARING)
    if row is None:
        raise SampleNotFound
    privacy = SamplePrivacy(
        anonymized=True,
        policy_version=row["policy_version"],
        actions=json.loads(row["actions"]),
        dropped_field_count=row["dropped_field_count"],
        data_use=read_terms_of(row),
    )
    privacy.anonymize_time.FromDatetime(row["prepared_at"])
    return privacy


async def terms_of(connection: Connection, sample_ids: Sequence[UUID]) -> dict[UUID, list[DataUseTerm]]:
    """Return the terms under which each of these samples may be used, by its id; none for what is not known."""
    rows = await connection.fetch(STATUS, sample_ids, DATA_SHARING)
    return {row["sample_id"]: read_terms_of(row) for row in rows}


def read_terms_of(row: asyncpg.Record) -> list[DataUseTerm]:
    """Return the terms of the consents that a row holds, all together."""
    given = json.loads(row["data_use"] or "[]")
    return combine(Given(read_terms(item["terms"]), item["by_donor"], item["counts"]) for item in given)
