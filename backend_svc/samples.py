"""Samples at rest: stored once, read whole."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import asyncpg

from backend_svc import event_store, rows
from backend_svc.errors import ConsentWithdrawn, IdempotencyKeyReused
from chassis import calls, outbox
from chassis.database import Database
from chassis.errors import SagaTakenOver, SampleNotFound
from chassis.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import (
    IdempotencyClaim,
    StoredSample,
    StoreSampleRequest,
    StoreSampleResponse,
)
from fairdb.samples.v1.sample_pb2 import Sample

CREATION_EVENTS = ("sample.created", "sample.validated", "sample.anonymized")

LOCK_EXCLUSIVE = "SELECT pg_advisory_xact_lock($1)"
LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest($1::bigint[]) AS key"

# Everything that a creation makes true, in one statement. It must be a statement of its own after LOCK_SHARED: only
# then does its snapshot contain the barrier of a withdrawal, or the settlement, that held the lock before.
STORE = """
WITH barred AS (
    SELECT FROM barrier WHERE consent = ANY($10::uuid[])
), fenced AS (
    SELECT FROM settlement WHERE sample_id = $1 AND fencing_token >= $21
), claim AS (
    INSERT INTO idempotency (account, method, key_hash, fingerprint, sample_id)
    SELECT $2, $11, $12, $13, $1
    WHERE $12::bytea IS NOT NULL AND NOT EXISTS (SELECT FROM barred) AND NOT EXISTS (SELECT FROM fenced)
    ON CONFLICT (account, method, key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, sample_id = excluded.sample_id, created_at = now()
    WHERE idempotency.created_at < now() - interval '24 hours'
    RETURNING sample_id
), stored AS (
    INSERT INTO sample (id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents,
                        state, last_sequence)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $14, cardinality($16::uuid[])
    WHERE NOT EXISTS (SELECT FROM barred) AND NOT EXISTS (SELECT FROM fenced)
      AND ($12::bytea IS NULL OR EXISTS (SELECT FROM claim))
    ON CONFLICT (id) DO NOTHING
    RETURNING *
), audited AS (
    INSERT INTO audit (sample_id, action, actor, correlation_id) SELECT id, 'store', owner::text, $15 FROM stored
), evented AS (
    INSERT INTO event (subject, sequence, id, type, time, actor, correlation_id, traceparent)
    SELECT stored.id, new.sequence, new.id, new.type, $19, stored.owner::text, $15, $20
    FROM stored, unnest($16::uuid[], $17::text[]) WITH ORDINALITY AS new (id, type, sequence)
), posted AS (
    INSERT INTO outbox (id, type, event)
    SELECT new.* FROM stored, unnest($16::uuid[], $17::text[], $18::bytea[]) AS new
)
SELECT stored.*, NULL::uuid AS barred_by, NULL::timestamptz AS barred_at,
       EXISTS (SELECT FROM barred) AS barred, EXISTS (SELECT FROM fenced) AS fenced
FROM (SELECT) AS always LEFT JOIN stored ON true
"""
# A barrier binds before the samples behind it are quarantined one by one.
BARRED = "EXISTS (SELECT FROM barrier WHERE consent = ANY (sample.consents))"
COLUMNS = """
sample.*,
(SELECT consent FROM barrier WHERE consent = ANY (sample.consents) ORDER BY raised_at, consent LIMIT 1) AS barred_by,
(SELECT min(raised_at) FROM barrier WHERE consent = ANY (sample.consents)) AS barred_at
"""
BY_ID = f"SELECT {COLUMNS} FROM sample WHERE id = $1"
BY_KEY = f"""
SELECT idempotency.fingerprint, {COLUMNS} FROM idempotency
JOIN sample ON sample.id = idempotency.sample_id AND sample.owner = idempotency.account
WHERE account = $1 AND method = $2 AND key_hash = $3 AND idempotency.created_at >= now() - interval '24 hours'
"""
SWEEP_KEYS = Sweep("idempotency", "created_at < now() - interval '24 hours'")


async def store(database: Database, request: StoreSampleRequest) -> StoreSampleResponse:
    """Store a sample, or return what its id or its idempotency key stored before.

    Raises ConsentWithdrawn, IdempotencyKeyReused, SagaTakenOver, InvalidRequest.
    """
    owner = UUID(request.principal.user_id)
    consents = sorted(UUID(consent) for consent in request.consents)
    arguments = _arguments(request, owner, consents)
    locks = (lock_key("consent", consent) for consent in consents)
    async with database.transaction() as connection:
        await connection.execute(LOCK_SHARED, sorted([lock_key("sample", arguments[0]), *locks]))
        row = await connection.fetchrow(STORE, *arguments)
    assert row is not None
    if row["id"] is not None:
        outbox.wake()
        return StoreSampleResponse(stored=rows.to_stored(row))
    try:
        return await _stored_before(database, request, owner)
    except SampleNotFound:
        if row["fenced"]:
            raise SagaTakenOver from None
        if row["barred"]:
            raise ConsentWithdrawn from None
        raise


def _arguments(request: StoreSampleRequest, owner: UUID, consents: Sequence[UUID]) -> tuple[Any, ...]:
    sample = request.stored.sample
    claim = request.claim if request.HasField("claim") else None
    sample_id, study = rows.to_uuid("id", sample.id), rows.to_uuid("study", sample.study)
    events = [
        outbox.new_event(type, str(sample_id), sequence, actor=str(owner))
        for sequence, type in enumerate(CREATION_EVENTS, start=1)
    ]
    for event in events:
        event.time.CopyFrom(events[0].time)  # one moment, as the event store has it
    return (
        sample_id,
        owner,
        study,
        sample.subject,
        sample.organism,
        sample.taxon_id,
        sample.collection_date,
        json.dumps(rows.scalars(sample.metadata)),
        json.dumps(dict(request.stored.classes)),
        consents,
        claim and claim.method,
        claim and claim.key_hash,
        claim and claim.fingerprint,
        Sample.STATE_STORED,
        calls.current().correlation_id,
        [UUID(event.id) for event in events],
        [event.type for event in events],
        [event.SerializeToString() for event in events],
        event_store.time_of(events[0]),
        events[0].traceparent,
        request.fencing_token,
    )


async def _stored_before(database: Database, request: StoreSampleRequest, owner: UUID) -> StoreSampleResponse:
    if request.HasField("claim"):
        found = await find_by_key(database, owner, request.claim)
        if found is not None:
            return StoreSampleResponse(stored=found, replayed=found.sample.id != request.stored.sample.id)
    found = await get(database, UUID(request.stored.sample.id))
    if found.sample.owner != str(owner):
        raise SampleNotFound
    return StoreSampleResponse(stored=found)


async def find_by_key(database: Database, owner: UUID, claim: IdempotencyClaim) -> StoredSample | None:
    """Return the sample that a key made within 24 hours. Raises IdempotencyKeyReused."""
    row = await database.fetchrow(BY_KEY, owner, claim.method, claim.key_hash)
    if row is None:
        return None
    if row["fingerprint"] != claim.fingerprint:
        raise IdempotencyKeyReused
    return rows.to_stored(row)


async def get(database: Database, sample_id: UUID) -> StoredSample:
    """Return a sample whole. Raises SampleNotFound."""
    row: asyncpg.Record | None = await database.fetchrow(BY_ID, sample_id)
    if row is None:
        raise SampleNotFound
    return rows.to_stored(row)


def lock_key(kind: Literal["consent", "sample"], id: UUID) -> int:
    """Return the advisory lock of a consent or sample: 64 bits of a hash, so that two may share one harmlessly."""
    return int.from_bytes(hashlib.blake2b(id.bytes, digest_size=8, person=kind.encode()).digest(), signed=True)
