"""Stores samples, and answers a repeated request with the sample that the first one stored."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from backend_svc import embargo
from backend_svc.history import event_store, event_types
from backend_svc.samples import counting, rows
from backend_svc.samples.errors import ConsentWithdrawn, SagaTakenOver, SampleNotFound
from backend_svc.samples.insertion import Insertion, Outcome, Row, insert
from backend_svc.samples.lookup import Lookup
from chassis import call_context
from chassis.calling.coalescer import Coalescer
from chassis.events import outbox
from chassis.storage.database import Database
from fairdb.backend.v1.backend_service_pb2 import StoredSample, StoreSampleRequest, StoreSampleResponse
from fairdb.samples.v1.sample_pb2 import Sample

MOST_AT_ONCE = 100
"""Maximum per transaction. Each sample takes at least three locks; PostgreSQL's lock table holds a few thousand."""


class Store:
    """Stores samples. Requests that arrive during a transaction share the next one."""

    def __init__(self, database: Database, lookup: Lookup, embargo_step: timedelta = timedelta()) -> None:
        self._database = database
        self._lookup = lookup
        self._embargo_step = embargo_step
        self._coalescer = Coalescer(self._store_all, MOST_AT_ONCE)

    async def store(self, request: StoreSampleRequest) -> StoreSampleResponse:
        """Store a sample, or return the one stored before under the same id or idempotency key.

        Raises ConsentWithdrawn, IdempotencyKeyReused, SagaTakenOver, InvalidRequest.
        """
        insertion = read_request(request)
        outcome = await self._coalescer.submit(insertion)
        if outcome.created_at is not None:
            return StoreSampleResponse(stored=_as_stored(request, outcome.created_at))
        try:
            return await self._stored_before(request, insertion.row.owner)
        except SampleNotFound:
            if outcome.fenced:
                raise SagaTakenOver from None
            if outcome.barred:
                raise ConsentWithdrawn from None
            raise

    async def _store_all(self, insertions: Sequence[Insertion]) -> Sequence[Outcome]:
        embargoes = await embargo.join(self._database, {item.row.owner for item in insertions}, self._embargo_step)
        outcomes: dict[int, Outcome] = {}
        remaining = [(index, item.under(embargoes.get(item.row.owner))) for index, item in enumerate(insertions)]
        while remaining:
            batch, remaining = _without_repeats(remaining)
            async with self._database.transaction() as connection:
                found = await insert(connection, [item for _, item in batch])
            outcomes.update(zip((index for index, _ in batch), found, strict=True))
        outbox.wake()
        return [outcomes[index] for index in range(len(insertions))]

    async def _stored_before(self, request: StoreSampleRequest, owner: UUID) -> StoreSampleResponse:
        if request.HasField("claim"):
            found = await self._lookup.find(owner, request.claim)
            if found is not None:
                return StoreSampleResponse(stored=found, replayed=found.sample.id != request.stored.sample.id)
        found = await self._lookup.get(UUID(request.stored.sample.id))
        if found.sample.owner != str(owner):
            raise SampleNotFound
        return StoreSampleResponse(stored=found)


def read_request(request: StoreSampleRequest) -> Insertion:
    """Return the sample to store, with its first events. Raises InvalidRequest."""
    sample = request.stored.sample
    claim = request.claim if request.HasField("claim") else None
    owner = UUID(request.principal.user_id)
    sample_id, study = rows.to_uuid("id", sample.id), rows.to_uuid("study", sample.study)
    consents = sorted(UUID(consent) for consent in request.consents)
    events = [
        outbox.new_event(type, str(sample_id), sequence, actor=str(owner))
        for sequence, type in enumerate(event_types.CREATION, start=1)
    ]
    for event in events:
        event.time.CopyFrom(events[0].time)  # the event store keeps one time for all of them
    values, field_classes = rows.scalars(sample.metadata), dict(request.stored.classes)
    metadata, classes = json.dumps(values), json.dumps(field_classes)
    rows.check_texts(sample, metadata + classes)
    named = {name: getattr(sample, column) for name, column in counting.COLUMNS.items()}
    row = Row(
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
        counting.class_of(study, named, values, field_classes),
        None,
        (request.stored.counted_as or sample.subject) if sample.subject else "",
    )
    return Insertion(row, consents, events)


Numbered = list[tuple[int, Insertion]]


def _without_repeats(insertions: Numbered) -> tuple[Numbered, Numbered]:
    """Split samples into those that one statement can store, and those that repeat the id or key of an earlier one."""
    first: Numbered = []
    repeats: Numbered = []
    seen: set[object] = set()
    for index, item in insertions:
        (repeats if seen & item.unique else first).append((index, item))
        seen |= item.unique
    return first, repeats


def _as_stored(request: StoreSampleRequest, created_at: datetime) -> StoredSample:
    """Return the sample as a read would return it now."""
    stored = StoredSample(classes=request.stored.classes)
    sample = stored.sample
    sample.CopyFrom(request.stored.sample)
    sample.study, sample.owner = str(UUID(sample.study)), str(UUID(request.principal.user_id))
    sample.id = str(UUID(sample.id))
    sample.state, sample.etag = Sample.STATE_STORED, '"1"'
    sample.create_time.FromDatetime(created_at)
    sample.update_time.CopyFrom(sample.create_time)
    return stored
