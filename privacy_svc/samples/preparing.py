"""Preparing samples: consent checked and the record kept, of as many as come at a time, in one statement."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.calling.coalescer import Coalescer
from chassis.errors import AppError, SagaTakenOver
from chassis.storage.database import Connection, Database
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from privacy_svc.consent.consents import DATA_SHARING, IN_FORCE, SAMPLE_CREATION
from privacy_svc.errors import ConsentRequired
from privacy_svc.samples import preparations

MOST_AT_ONCE = 200

# One statement checks consent and keeps the record, so that neither happens without the other. Of the consents of one
# party to one purpose, that of the study goes before one for any study.
PREPARE = f"""
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
RESTS_ON = "SELECT consents FROM preparation WHERE sample_id = $1"


@dataclass(frozen=True, slots=True)
class New:
    """A sample that was anonymised and is to be recorded."""

    sample_id: UUID
    account_id: UUID
    study_id: UUID
    subject_hash: bytes | None
    policy_version: str
    actions: Mapping[str, str]
    dropped_field_count: int
    fencing_token: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a sample rests on."""

    consents: Sequence[UUID]
    data_use: Sequence[DataUseTerm]


class Preparing:
    """Prepares samples; those that come while a statement is under way share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Coalescer(self._prepare_all, MOST_AT_ONCE)

    async def prepare(self, new: New) -> Prepared:
        """Check consent, keep the record, return what the sample rests on. Raises ConsentRequired, SagaTakenOver."""
        outcome = await self._together.submit(new)
        if isinstance(outcome, AppError):
            raise outcome
        return outcome

    async def _prepare_all(self, news: Sequence[New]) -> Sequence[Prepared | AppError]:
        async with self._database.connection() as connection:
            return await prepare_all(connection, news)


async def prepare_all(connection: Connection, news: Sequence[New]) -> list[Prepared | AppError]:
    """Check consent for each sample and keep its record; return what it rests on, or why it is refused."""
    rows = await connection.fetch(
        PREPARE,
        [new.sample_id for new in news],
        [new.account_id for new in news],
        [new.study_id for new in news],
        [new.subject_hash for new in news],
        [new.policy_version for new in news],
        [json.dumps(dict(new.actions)) for new in news],
        [new.dropped_field_count for new in news],
        [new.fencing_token for new in news],
    )
    found = {row["sample_id"]: row for row in rows}
    outcomes: list[Prepared | AppError] = []
    for new in news:
        row = found[new.sample_id]
        if not row["by_account"]:
            outcomes.append(ConsentRequired(purpose=SAMPLE_CREATION, of="account"))
        elif new.subject_hash is not None and not row["by_donor"]:
            outcomes.append(ConsentRequired(purpose=SAMPLE_CREATION, of="subject"))
        elif row["consents"] is not None:
            outcomes.append(Prepared(row["consents"], preparations.read_terms_of(row)))
        else:
            outcomes.append(await _prepared_before(connection, new))
    return outcomes


async def _prepared_before(connection: Connection, new: New) -> Prepared | AppError:
    if not await preparations.is_open(connection, new.sample_id, new.account_id, new.fencing_token):
        return SagaTakenOver()
    consents = await connection.fetchval(RESTS_ON, new.sample_id)
    if not consents:
        # Prepared before consents were kept here: a sample that rests on none could never be withdrawn.
        return SagaTakenOver()
    return Prepared(consents, (await preparations.status(connection, new.sample_id)).data_use)
