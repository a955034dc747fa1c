"""The peers' database: a creation in one statement, a sample and the reader's part in its study in another."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from bench.peers.bodies import Anonymised, Stored

PURPOSE = "sample_creation"
PROCESSED = 3
STATES = {PROCESSED: "STATE_PROCESSED", 4: "STATE_QUARANTINED"}
CURATOR = 2
POOL = 20

DEFAULT_STUDY = """
WITH made AS (
    INSERT INTO study (id, owner, is_default) VALUES ($1, $2, true) ON CONFLICT (owner) WHERE is_default DO NOTHING
    RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM study WHERE owner = $2 AND is_default
"""
ROLE_IN_STUDY = """
SELECT CASE WHEN study.owner = $1 THEN 3 ELSE coalesce(member.role, 0) END AS role
FROM study LEFT JOIN member ON member.study = study.id AND member.account = $1 WHERE study.id = $2
"""
# Of the consents of one party that of the study goes before one for any study.
GIVEN = """
SELECT DISTINCT ON (subject_hash) id, subject_hash FROM consent
WHERE account = $1 AND purpose = $2 AND (subject_hash IS NULL OR subject_hash = $3) AND (study IS NULL OR study = $4)
  AND withdrawn_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY subject_hash, study NULLS LAST
"""
# The account's consent, and the donor's where there is one.
PERMITTED = f"""
SELECT array_agg(id ORDER BY subject_hash NULLS FIRST) AS consents FROM ({GIVEN}) AS given
HAVING bool_or(subject_hash IS NULL) AND ($3::bytea IS NULL OR bool_or(subject_hash IS NOT NULL))
"""
# Notifications are written with the sample: whoever has all tables in one database needs no message for that.
STORE = """
WITH permitted AS (
    {permitted}
), claim AS (
    INSERT INTO idempotency (account, key_hash, fingerprint, sample)
    SELECT $1, $13, $14, $5 FROM permitted WHERE $13::bytea IS NOT NULL
    ON CONFLICT (account, key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, sample = excluded.sample, created_at = now()
    WHERE idempotency.created_at < now() - interval '24 hours'
    RETURNING sample
), stored AS (
    INSERT INTO sample (id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents,
                        state)
    SELECT $5, $1, $4, $6, $7, $8, $9, $10, $11, consents, 3 FROM permitted
    WHERE $13::bytea IS NULL OR EXISTS (SELECT FROM claim)
    RETURNING *
), audited AS (
    INSERT INTO audit (sample, action, actor, correlation_id) SELECT id, 'create', owner::text, $12 FROM stored
), posted AS (
    INSERT INTO outbox (id, type, event) SELECT $15, 'sample.created', $16 FROM stored
), followed AS (
    SELECT account FROM subscription, stored
    WHERE subscription.organism_key = lower(stored.organism) AND account <> stored.owner
    UNION
    SELECT account FROM subscription, stored WHERE subscription.study = stored.study AND account <> stored.owner
), notified AS (
    INSERT INTO notification (id, account, sample) SELECT gen_random_uuid(), account, $5 FROM followed
)
SELECT stored.created_at, EXISTS (SELECT FROM permitted) AS permitted
FROM (SELECT) AS always LEFT JOIN stored ON true
"""
# The account and its donor's consents are looked at and the sample stored in one statement, ...
STORE_IF_PERMITTED = STORE.format(permitted=PERMITTED)
# ... or with the consents that another service has looked at.
STORE_UNDER = STORE.format(
    permitted="SELECT $3::uuid[] AS consents WHERE $2 = 'sample_creation' AND cardinality($3::uuid[]) > 0"
)
GET = """
SELECT sample.*, CASE WHEN study.owner = $2 THEN 3 ELSE coalesce(member.role, 0) END AS role
FROM sample JOIN study ON study.id = sample.study
LEFT JOIN member ON member.study = sample.study AND member.account = $2
WHERE sample.id = $1
"""
BY_KEY = """
SELECT idempotency.fingerprint, sample.* FROM idempotency JOIN sample ON sample.id = idempotency.sample
WHERE account = $1 AND key_hash = $2 AND idempotency.created_at >= now() - interval '24 hours'
"""


class ConsentRequired(Exception):
    """Account or donor has not consented."""


class StudyNotFound(Exception):
    """There is no such study, or the account may not add to it."""


class Taken(Exception):
    """The idempotency key has made another sample."""


class Claim(NamedTuple):
    """What a repeat is recognised by."""

    key_hash: bytes
    fingerprint: bytes


async def open_pool(url: str) -> asyncpg.Pool:
    """Open a process's pool."""
    return await asyncpg.create_pool(url, min_size=2, max_size=POOL, ssl=False)


class Studies:
    """Finds the study of a sample. Remembers default studies, which never change."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._defaults: dict[UUID, UUID] = {}

    async def for_sample(self, given: str, account: UUID) -> UUID:
        """Return the study given, or the account's default one. Raises StudyNotFound where it may not write."""
        if given:
            study = UUID(given)
            if (await self._pool.fetchval(ROLE_IN_STUDY, account, study) or 0) < CURATOR:
                raise StudyNotFound
            return study
        study = self._defaults.get(account)
        while study is None:
            study = await self._pool.fetchval(DEFAULT_STUDY, uuid7(), account)
        self._defaults[account] = study
        return study


async def store(
    pool: asyncpg.Pool,
    statement: str,
    sample: Anonymised,
    permission: bytes | Sequence[UUID] | None,
    correlation_id: str,
    claim: Claim | None,
) -> Stored:
    """Store a sample with its audit row, event and notifications. Raises ConsentRequired, Taken.

    `permission` is the donor's hash for STORE_IF_PERMITTED, the consents for STORE_UNDER.
    """
    event_id = uuid7()
    event = {
        "id": str(event_id),
        "type": "sample.created",
        "subject": str(sample.id),
        "actor": str(sample.owner),
        "correlationId": correlation_id,
    }
    row = await pool.fetchrow(
        statement,
        sample.owner,
        PURPOSE,
        permission,
        sample.study,
        sample.id,
        sample.subject,
        sample.organism,
        sample.taxon_id,
        sample.collection_date,
        json.dumps(sample.metadata),
        json.dumps(sample.classes),
        correlation_id,
        claim and claim.key_hash,
        claim and claim.fingerprint,
        event_id,
        json.dumps(event),
    )
    assert row is not None
    if row["created_at"] is None:
        raise Taken if row["permitted"] else ConsentRequired
    return Stored.model_construct(
        id=sample.id,
        study=sample.study,
        subject=sample.subject,
        organism=sample.organism,
        taxon_id=sample.taxon_id,
        collection_date=sample.collection_date,
        metadata=sample.metadata,
        state=STATES[PROCESSED],
        owner=sample.owner,
        etag='"1"',
        create_time=row["created_at"],
        update_time=row["created_at"],
    )


async def find_by_key(pool: asyncpg.Pool, account: UUID, claim: Claim) -> Stored | None:
    """Return the sample that a key made. Raises Taken when it was another request."""
    row = await pool.fetchrow(BY_KEY, account, claim.key_hash)
    if row is None:
        return None
    if row["fingerprint"] != claim.fingerprint:
        raise Taken
    return to_stored(row)


def to_stored(row: Any) -> Stored:
    """Return the sample of a row."""
    return Stored.model_construct(
        id=row["id"],
        study=row["study"],
        subject=row["subject"],
        organism=row["organism"],
        taxon_id=row["taxon_id"],
        collection_date=row["collection_date"],
        metadata=json.loads(row["metadata"]),
        state=STATES[row["state"]],
        owner=row["owner"],
        etag=f'"{row["version"]}"',
        create_time=row["created_at"],
        update_time=row["updated_at"],
    )
