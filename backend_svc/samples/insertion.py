"""The statement that stores and counts samples, each with its idempotency key, audit row, events and outbox rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from backend_svc import locks
from backend_svc.history import audit, event_store, event_types
from backend_svc.samples import counting
from chassis.events import outbox
from chassis.storage.database import Connection
from fairdb.events.v1.event_pb2 import Event
from fairdb.samples.v1.sample_pb2 import Sample

# Take the locks first, in a separate statement: see backend_svc/locks.py. Only then does this statement see the barrier
# or the settlement that the previous holder of a lock has committed.
INSERT = f"""
WITH new AS MATERIALIZED (
    SELECT *,
           EXISTS (SELECT FROM barrier WHERE consent = ANY (new.consents::uuid[])) AS barred,
           EXISTS (SELECT FROM settlement WHERE sample_id = new.id AND fencing_token >= new.token) AS fenced
    FROM unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[], $8::jsonb[], $9::jsonb[],
        $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::text[], $15::text[], $16::timestamptz[],
        $17::bigint[], $18::uuid[], $19::uuid[], $20::text[]
    ) AS new (
        id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes,
        consents, method, key_hash, fingerprint, correlation_id, traceparent, time, token, class_id, embargo, counted_as
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
                        state, last_sequence, class_id, embargo, counted_as)
    SELECT id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents::uuid[],
           {Sample.STATE_STORED}, {len(event_types.CREATION)}, CASE WHEN embargo IS NULL THEN class_id END, embargo,
           counted_as
    FROM new
    WHERE NOT barred AND NOT fenced AND (key_hash IS NULL OR id IN (SELECT sample_id FROM claim))
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
), audited AS (
    {audit.INTO}
    SELECT id, 'store', owner::text, correlation_id, NULL FROM stored JOIN new USING (id)
), happened AS (
    SELECT event.*, new.owner, new.correlation_id, new.traceparent, new.time
    FROM unnest($21::uuid[], $22::int[], $23::uuid[], $24::text[], $25::bytea[])
        AS event (id, sequence, event_id, type, body)
    JOIN stored USING (id) JOIN new USING (id)
), evented AS (
    {event_store.INTO}
    SELECT id, sequence, event_id, type, time, owner::text, correlation_id, traceparent FROM happened
), posted AS (
    {outbox.INTO} SELECT event_id, type, body FROM happened
), change AS MATERIALIZED (
    SELECT study, counted_as AS subject, class_id, count(*)::int AS delta FROM stored JOIN new USING (id)
    WHERE counted_as <> '' AND embargo IS NULL
    GROUP BY study, counted_as, class_id
), {counting.CHANGES}
SELECT new.id, stored.created_at, barred, fenced FROM new LEFT JOIN stored USING (id)
"""


class Row(NamedTuple):
    """A sample to store: the columns of INSERT, in their order."""

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
    class_id: UUID
    embargo: UUID | None
    """If set, the sample counts in its class only after the embargo: see backend_svc/lifecycle/backfill.py."""
    counted_as: str
    """The donor as which the sample counts in its class; empty if it names none."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """A sample to store, with its consents and its first events."""

    row: Row
    consents: Sequence[UUID]
    events: Sequence[Event]

    def under(self, embargo: UUID | None) -> "Insertion":
        """Return the same insertion under an embargo."""
        return replace(self, row=self.row._replace(embargo=embargo))

    @property
    def unique(self) -> set[object]:
        """The values that no other sample in a statement may share: the id and, if given, the idempotency key."""
        key = (self.row.owner, self.row.method, self.row.key_hash)
        return {self.row.id, key} if self.row.key_hash else {self.row.id}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one sample."""

    created_at: datetime | None
    """None if this statement did not store the sample."""
    barred: bool
    """Whether a consent that the sample depends on was withdrawn."""
    fenced: bool
    """Whether the sample was settled as never stored."""


async def insert(connection: Connection, insertions: Sequence[Insertion]) -> list[Outcome]:
    """Store samples with different ids and keys, inside the caller's transaction."""
    consents = {consent for item in insertions for consent in item.consents}
    shared = [locks.lock_key("consent", consent) for consent in consents]
    shared += [locks.lock_key("sample", item.row.id) for item in insertions]
    counted = [item.row for item in insertions if item.row.counted_as and not item.row.embargo]
    donors = {(row.study, row.counted_as) for row in counted}
    await locks.take(connection, shared=shared, exclusive=[locks.donor_key(*donor) for donor in donors])
    events = [(item.row.id, event) for item in insertions for event in item.events]
    found = await connection.fetch(
        INSERT,
        *zip(*(item.row for item in insertions), strict=True),
        [id for id, _ in events],
        [event.sequence for _, event in events],
        [UUID(event.id) for _, event in events],
        [event.type for _, event in events],
        [event.SerializeToString() for _, event in events],
    )
    by_id = {row["id"]: Outcome(row["created_at"], row["barred"], row["fenced"]) for row in found}
    return [by_id[item.row.id] for item in insertions]
