"""Privacy status: how a sample was anonymised, and the data use terms that apply to it now."""

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from chassis.storage.database import Connection
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from fairdb.samples.v1.sample_service_pb2 import SamplePrivacy
from privacy_svc.consent.validity import DATA_SHARING, NOT_ENDED
from privacy_svc.data_use.combining import ConsentTerms, combine
from privacy_svc.data_use.stored_terms import read_terms
from privacy_svc.samples.errors import SampleNotFound

# `resting`: the consents that a sample depends on. Their terms always apply to the sample, but a consent that has ended
# no longer permits anything.
# `latest`: the newest data_sharing consent of the sample's account and donor in each scope. Its terms apply until a
# newer consent replaces it, even after it has ended. Otherwise, withdrawing a consent could remove a restriction.
# `shared`: the consents of `latest` that have not ended. One for the study takes precedence over one for any study.
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


async def read_status(connection: Connection, sample_id: UUID) -> SamplePrivacy:
    """Return how a sample was anonymised. Raises SampleNotFound."""
    row = await connection.fetchrow(STATUS, [sample_id], DATA_SHARING)
    if row is None:
        raise SampleNotFound
    privacy = SamplePrivacy(
        anonymized=True,
        policy_version=row["policy_version"],
        actions=json.loads(row["actions"]),
        dropped_field_count=row["dropped_field_count"],
        data_use=binding_terms(row),
    )
    privacy.anonymize_time.FromDatetime(row["prepared_at"])
    return privacy


async def read_terms_of(connection: Connection, sample_ids: Sequence[UUID]) -> dict[UUID, list[DataUseTerm]]:
    """Return the terms that apply to each sample, by its id. Unknown samples are omitted."""
    rows = await connection.fetch(STATUS, sample_ids, DATA_SHARING)
    return {row["sample_id"]: binding_terms(row) for row in rows}


def binding_terms(row: asyncpg.Record) -> list[DataUseTerm]:
    """Return the combined terms of the consents in a row's `data_use` column."""
    consents = json.loads(row["data_use"] or "[]")
    return combine(ConsentTerms(read_terms(item["terms"]), item["by_donor"], item["counts"]) for item in consents)
