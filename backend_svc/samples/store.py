"""Storing samples: everything that creations make true, of as many as come at a time, in one transaction."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from backend_svc.errors import ConsentWithdrawn, SagaTakenOver, SampleNotFound
from backend_svc.history import audit, event_store
from backend_svc.samples import lookup, rows
from chassis import call_context
from chassis.calling.coalescer import Coalescer
from chassis.events import outbox
from chassis.storage.database import Connection, Database
from fairdb.backend.v1.backend_service_pb2 import StoredSample, StoreSampleRequest, StoreSampleResponse
from fairdb.events.v1.event_pb2 import Event
from fairdb.samples.v1.sample_pb2 import Sample

CREATION_EVENTS = ("sample.created", "sample.validated", "sample.anonymized")
MOST_AT_ONCE = 100
"""Each holds two locks or more, and PostgreSQL keeps room for some thousands."""

LOCK_EXCLUSIVE = "SELECT pg_advisory_xact_lock($1)"
LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(key) FROM unnest($1::bigint[]) AS key"

# Everything that creations make true, in one statement. It must be a statement of its own after LOCK_SHARED: only
# then does its snapshot contain the barrier of a withdrawal, or the settlement, that held a lock before.
STORE = f"""
WITH new AS MATERIALIZED (
    SELECT *,
           EXISTS (SELECT FROM barrier WHERE consent = ANY (new.consents::uuid[])) AS barred,
           EXISTS (SELECT FROM settlement WHERE sample_id = new.id AND fencing_token >= new.token) AS fenced
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[], $8::jsonb[], $9::jsonb[],
        $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::text[], $15::text[], $16::timestamptz[],
        $17::bigint[]
    ) AS new (
        id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes,
        consents, method, key_hash, fingerprint, correlation_id, traceparent, time, token
    )
), claim AS (
    INSERT INTO idempotency (account, method, key_hash, fingerprint, sample_id)
    SELECT owner, method, key_hash, fingerprint, id FROM new WHERE key_hash IS NOT NULL AND NOT barred AND NOT fenced
    ON CONFLICT (account, method, key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, sample_id = excluded.sample_id, created_at = now()
    WHERE idempotency.created_at < now() - interval '24 hours'
    RETURNING sample_id
), stored AS (
    INSERT INTO sample (id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents,
                        state, last_sequence)
    SELECT id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents::uuid[],
           {Sample.STATE_STORED}, {len(CREATION_EVENTS)}
    FROM new
    WHERE NOT barred AND NOT fenced AND (key_hash IS NULL OR id IN (SELECT sample_id FROM claim))
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
), audited AS (
    {audit.INTO}
    SELECT id, 'store', owner::text, correlation_id, NULL FROM stored JOIN new USING (id)
), happened AS (
    SELECT event.*, new.owner, new.correlation_id, new.traceparent, new.time
    FROM unnest($18::uuid[], $19::int[], $20::uuid[], $21::text[], $22::bytea[])
        AS event (id, sequence, event_id, type, body)
    JOIN stored USING (id) JOIN new USING (id)
), evented AS (
    {event_store.INTO}
    SELECT id, sequence, event_id, type, time, owner::text, correlation_id, traceparent FROM happened
), posted AS (
    {outbox.INTO} SELECT event_id, type, body FROM happened
)
SELECT new.id, stored.created_at, barred, fenced FROM new LEFT JOIN stored USING (id)
"""


class New(NamedTuple):
    """A sample to be stored: the columns of STORE, in their order."""

    id: UUID
    owner: UUID
    study: UUID
    subject: str
    organism: str
    taxon_id: int
    collection_date: str
    metadata: str
    classes: str
    consents: str
    method: str | None
    key_hash: bytes | None
    fingerprint: bytes | None
    correlation_id: str
    traceparent: str
    time: datetime
    token: int


@dataclass(frozen=True, slots=True)
class Storing:
    """A sample to be stored, with the events that tell of it."""

    new: New
    consents: Sequence[UUID]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sample: stored now when it has a time."""

    created_at: datetime | None
    barred: bool
    fenced: bool


class Store:
    """Stores samples; those that come while a transaction is under way share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Coalescer(self._store_all, MOST_AT_ONCE)

    async def store(self, request: StoreSampleRequest) -> StoreSampleResponse:
        """Store a sample, or return what its id or its idempotency key stored before.

        Raises ConsentWithdrawn, IdempotencyKeyReused, SagaTakenOver, InvalidRequest.
        """
        storing = read(request)
        outcome = await self._together.submit(storing)
        if outcome.created_at is not None:
            return StoreSampleResponse(stored=_as_stored(request, outcome.created_at))
        try:
            return await self._stored_before(request, storing.new.owner)
        except SampleNotFound:
            if outcome.fenced:
                raise SagaTakenOver from None
            if outcome.barred:
                raise ConsentWithdrawn from None
            raise

    async def _store_all(self, storing: Sequence[Storing]) -> Sequence[Outcome]:
        outcomes: dict[int, Outcome] = {}
        left = list(enumerate(storing))
        # One statement cannot store an id, or claim a key, twice: the second time is for the next one.
        while left:
            now, left = _part(left)
            async with self._database.transaction() as connection:
                found = await store_in(connection, [item for _, item in now])
            outcomes.update(zip((index for index, _ in now), found, strict=True))
        outbox.wake()
        return [outcomes[index] for index in range(len(storing))]

    async def _stored_before(self, request: StoreSampleRequest, owner: UUID) -> StoreSampleResponse:
        if request.HasField("claim"):
            found = await lookup.find_by_key(self._database, owner, request.claim)
            if found is not None:
                return StoreSampleResponse(stored=found, replayed=found.sample.id != request.stored.sample.id)
        found = await lookup.get(self._database, UUID(request.stored.sample.id))
        if found.sample.owner != str(owner):
            raise SampleNotFound
        return StoreSampleResponse(stored=found)


async def store_in(connection: Connection, storing: Sequence[Storing]) -> list[Outcome]:
    """Store samples of different ids and keys inside the caller's transaction."""
    keys = {lock_key("consent", consent) for item in storing for consent in item.consents}
    keys.update(lock_key("sample", item.new.id) for item in storing)
    # Sorted, so that those who lock several do not wait in a circle.
    await connection.execute(LOCK_SHARED, sorted(keys))
    events = [(item.new.id, event) for item in storing for event in item.events]
    found = await connection.fetch(
        STORE,
        *zip(*(item.new for item in storing), strict=True),
        [id for id, _ in events],
        [event.sequence for _, event in events],
        [UUID(event.id) for _, event in events],
        [event.type for _, event in events],
        [event.SerializeToString() for _, event in events],
    )
    by_id = {row["id"]: Outcome(row["created_at"], row["barred"], row["fenced"]) for row in found}
    return [by_id[item.new.id] for item in storing]


def read(request: StoreSampleRequest) -> Storing:
    """Return what is to be stored, as part of the call that is being served. Raises InvalidRequest."""
    sample = request.stored.sample
    claim = request.claim if request.HasField("claim") else None
    owner = UUID(request.principal.user_id)
    sample_id, study = rows.to_uuid("id", sample.id), rows.to_uuid("study", sample.study)
    consents = sorted(UUID(consent) for consent in request.consents)
    events = [
        outbox.new_event(type, str(sample_id), sequence, actor=str(owner))
        for sequence, type in enumerate(CREATION_EVENTS, start=1)
    ]
    for event in events:
        event.time.CopyFrom(events[0].time)  # one moment, as the event store has it
    metadata, classes = json.dumps(rows.scalars(sample.metadata)), json.dumps(dict(request.stored.classes))
    rows.check_texts(sample, metadata + classes)
    new = New(
        sample_id,
        owner,
        study,
        sample.subject,
        sample.organism,
        sample.taxon_id,
        sample.collection_date,
        metadata,
        classes,
        "{" + ",".join(map(str, consents)) + "}",
        claim and claim.method,
        claim and claim.key_hash,
        claim and claim.fingerprint,
        call_context.current().correlation_id,
        events[0].traceparent,
        event_store.time_of(events[0]),
        request.fencing_token,
    )
    return Storing(new, consents, events)


def _part(storing: Sequence[tuple[int, Storing]]) -> tuple[list[tuple[int, Storing]], list[tuple[int, Storing]]]:
    """Return those that one statement can store, and those that repeat an id or a key of them."""
    first: list[tuple[int, Storing]] = []
    again: list[tuple[int, Storing]] = []
    seen: set[object] = set()
    for index, item in storing:
        new = item.new
        marks = {new.id} | ({(new.owner, new.method, new.key_hash)} if new.key_hash else set())
        (again if seen & marks else first).append((index, item))
        seen |= marks
    return first, again


def _as_stored(request: StoreSampleRequest, created_at: datetime) -> StoredSample:
    """Return what a read of the sample would give now."""
    stored = StoredSample(classes=request.stored.classes)
    sample = stored.sample
    sample.CopyFrom(request.stored.sample)
    sample.study, sample.owner = str(UUID(sample.study)), str(UUID(request.principal.user_id))
    sample.id = str(UUID(sample.id))
    sample.state, sample.etag = Sample.STATE_STORED, '"1"'
    sample.create_time.FromDatetime(created_at)
    sample.update_time.CopyFrom(sample.create_time)
    return stored


def lock_key(kind: Literal["consent", "sample"], id: UUID) -> int:
    """Return the advisory lock of a consent or sample: 64 bits of a hash, so that two may share one harmlessly."""
    return int.from_bytes(hashlib.blake2b(id.bytes, digest_size=8, person=kind.encode()).digest(), signed=True)
