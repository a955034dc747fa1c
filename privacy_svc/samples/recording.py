"""Recording: checks consent for anonymised samples and records their preparation, many samples in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.calling.coalescer import Coalescer
from chassis.errors import AppError
from chassis.storage.database import Connection, Database
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from privacy_svc.consent.validity import DATA_SHARING, IN_FORCE, SAMPLE_CREATION
from privacy_svc.samples import privacy_status, store
from privacy_svc.samples.errors import ConsentRequired, SagaTakenOver

BATCH_LIMIT = 200

# One statement checks consent and records the preparation, so that neither happens without the other. A consent for the
# study takes precedence over one for any study.
RECORD = f"""
WITH new AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::jsonb[], $7::int[], $8::bigint[]
    ) AS new (sample_id, account, study, donor, policy_version, actions, dropped, token)
), given AS MATERIALIZED (
    SELECT DISTINCT ON (new.sample_id, purpose, subject_hash) new.sample_id, given.*
    FROM new CROSS JOIN LATERAL (
        SELECT id, purpose, subject_hash, study_id, data_use FROM consent
        WHERE account_id = new.account AND purpose IN ('{SAMPLE_CREATION}', '{DATA_SHARING}') AND subject_hash IS NULL
          AND (study_id IS NULL OR study_id = new.study) AND {IN_FORCE}
        UNION ALL
        SELECT id, purpose, subject_hash, study_id, data_use FROM consent
        WHERE account_id = new.account AND purpose IN ('{SAMPLE_CREATION}', '{DATA_SHARING}')
          AND subject_hash = new.donor AND (study_id IS NULL OR study_id = new.study) AND {IN_FORCE}
    ) AS given
    ORDER BY new.sample_id, purpose, subject_hash, study_id NULLS LAST
), judged AS MATERIALIZED (
    SELECT new.*, by_account, by_donor, needed, data_use
    FROM new CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(purpose = '{SAMPLE_CREATION}' AND subject_hash IS NULL), false) AS by_account,
               coalesce(bool_or(purpose = '{SAMPLE_CREATION}' AND subject_hash IS NOT NULL), false) AS by_donor,
               array_agg(id ORDER BY subject_hash NULLS FIRST) FILTER (WHERE purpose = '{SAMPLE_CREATION}') AS needed,
               jsonb_agg(
                   jsonb_build_object('by_donor', subject_hash IS NOT NULL, 'terms', data_use, 'counts', true)
               ) AS data_use
        FROM given WHERE given.sample_id = new.sample_id
    ) AS found
), recorded AS (
    INSERT INTO preparation (sample_id, account_id, policy_version, actions, dropped_field_count, fencing_token,
                             study_id, consents)
    SELECT sample_id, account, policy_version, actions, dropped, token, study, needed
    FROM judged WHERE by_account AND (donor IS NULL OR by_donor)
    ON CONFLICT (sample_id) DO NOTHING
    RETURNING sample_id, consents
)
SELECT judged.sample_id, by_account, by_donor, recorded.consents, data_use
FROM judged LEFT JOIN recorded USING (sample_id)
"""
CONSENTS = "SELECT consents FROM preparation WHERE sample_id = $1"


@dataclass(frozen=True, slots=True)
class NewPreparation:
    """An anonymised sample to record."""

    sample_id: UUID
    account_id: UUID
    study_id: UUID
    subject_hash: bytes | None
    policy_version: str
    actions: Mapping[str, str]
    dropped_field_count: int
    fencing_token: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """The consents that a recorded sample depends on, and their combined terms."""

    consents: Sequence[UUID]
    data_use: Sequence[DataUseTerm]


class Recorder:
    """Records preparations. Calls that arrive while a statement runs share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._coalescer = Coalescer(self._record_all, BATCH_LIMIT)

    async def record(self, new: NewPreparation) -> Recorded:
        """Check consent and record the preparation. Idempotent. Raises ConsentRequired, SagaTakenOver."""
        outcome = await self._coalescer.submit(new)
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def _record_all(self, batch: Sequence[NewPreparation]) -> Sequence[Recorded | AppError]:
        async with self._database.connection() as connection:
            return await record_all(connection, batch)


async def record_all(connection: Connection, batch: Sequence[NewPreparation]) -> list[Recorded | AppError]:
    """Check consent for each sample and record its preparation. Returns one outcome per sample, in order."""
    rows = await connection.fetch(
        RECORD,
        [new.sample_id for new in batch],
        [new.account_id for new in batch],
        [new.study_id for new in batch],
        [new.subject_hash for new in batch],
        [new.policy_version for new in batch],
        [json.dumps(dict(new.actions)) for new in batch],
        [new.dropped_field_count for new in batch],
        [new.fencing_token for new in batch],
    )
    by_sample = {row["sample_id"]: row for row in rows}
    outcomes: list[Recorded | AppError] = []
    for new in batch:
        row = by_sample[new.sample_id]
        if not row["by_account"]:
            outcomes.append(ConsentRequired(purpose=SAMPLE_CREATION, of="account"))
        elif new.subject_hash is not None and not row["by_donor"]:
            outcomes.append(ConsentRequired(purpose=SAMPLE_CREATION, of="subject"))
        elif row["consents"] is not None:
            outcomes.append(Recorded(row["consents"], privacy_status.binding_terms(row)))
        else:
            outcomes.append(await _recorded_before(connection, new))
    return outcomes


async def _recorded_before(connection: Connection, new: NewPreparation) -> Recorded | AppError:
    if not await store.is_open(connection, new.sample_id, new.account_id, new.fencing_token):
        return SagaTakenOver()
    consents = await connection.fetchval(CONSENTS, new.sample_id)
    if not consents:
        # The row is older than its column `consents`. Refuse: a sample without consents could never be quarantined.
        return SagaTakenOver()
    return Recorded(consents, (await privacy_status.read_status(connection, new.sample_id)).data_use)
