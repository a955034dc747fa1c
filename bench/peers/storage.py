"""The peers' database: one statement creates a sample, another reads it with the reader's membership in its study."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from bench.peers.bodies import Anonymised, Stored
from bench.peers.statements import BY_KEY, DEFAULT_STUDY, ROLE_IN_STUDY

PURPOSE = "sample_creation"
PROCESSED = 3
STATES = {PROCESSED: "STATE_PROCESSED", 4: "STATE_QUARANTINED"}
CURATOR = 2
POOL = 20
# The platform's events of a creation, and the actions in its audit log.
EVENTS = ("sample.created", "sample.validated", "sample.anonymized", "sample.indexed", "sample.processed")
ACTIONS = ("store", "index", "notify")


class ConsentRequired(Exception):
    """Account or donor has not consented."""


class StudyNotFound(Exception):
    """The study does not exist, or the account may not add samples to it."""


class Taken(Exception):
    """The idempotency key was used for another request."""


class Claim(NamedTuple):
    """The record that identifies repeats of a request: its key and a hash of its content."""

    key_hash: bytes
    fingerprint: bytes

    @classmethod
    def make(cls, key: str, request: str) -> "Claim":
        """Return the claim for a request (JSON) with this idempotency key."""
        return cls(hashlib.sha256(key.encode()).digest(), hashlib.sha256(request.encode()).digest())


async def open_pool(url: str) -> asyncpg.Pool:
    """Open the connection pool of a process."""
    return await asyncpg.create_pool(url, min_size=2, max_size=POOL)


class Studies:
    """Finds the study of a sample. Caches default studies, because they never change."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._defaults: dict[UUID, UUID] = {}

    async def for_sample(self, given: str, account: UUID) -> UUID:
        """Return the given study, or the account's default one. Raises StudyNotFound if it may not add to it."""
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
    """Store a sample with its audit rows, events and notifications. Raises ConsentRequired, Taken.

    `permission` is the donor's hash for STORE_IF_PERMITTED, or the ids of the consents for STORE_UNDER.
    """
    events = [
        {
            "id": str(uuid7()),
            "type": type,
            "subject": str(sample.id),
            "sequence": sequence,
            "actor": str(sample.owner),
            "correlationId": correlation_id,
        }
        for sequence, type in enumerate(EVENTS, start=1)
    ]
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
        ACTIONS,
        [event["id"] for event in events],
        EVENTS,
        [json.dumps(event) for event in events],
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
    """Return the sample that a key created. Raises Taken if the request differs."""
    row = await pool.fetchrow(BY_KEY, account, claim.key_hash)
    if row is None:
        return None
    if row["fingerprint"] != claim.fingerprint:
        raise Taken
    return to_stored(row)


def to_stored(row: Any) -> Stored:
    """Convert a row to a sample."""
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
