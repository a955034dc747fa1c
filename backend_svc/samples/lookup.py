"""Samples at rest, read whole."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from backend_svc.errors import IdempotencyKeyReused, SampleNotFound
from backend_svc.samples import rows
from chassis.calling.coalescer import Coalescer
from chassis.storage.database import Database
from chassis.storage.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim, StoredSample

# A barrier binds before the samples behind it are quarantined one by one.
BARRED = "EXISTS (SELECT FROM barrier WHERE consent = ANY (sample.consents))"
COLUMNS = """
sample.*,
(SELECT consent FROM barrier WHERE consent = ANY (sample.consents) ORDER BY raised_at, consent LIMIT 1) AS barred_by,
(SELECT min(raised_at) FROM barrier WHERE consent = ANY (sample.consents)) AS barred_at
"""
BY_IDS = f"SELECT {COLUMNS} FROM sample WHERE id = ANY ($1::uuid[])"
BY_KEYS = f"""
SELECT asked.number, idempotency.fingerprint, {COLUMNS}
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) WITH ORDINALITY AS asked (account, method, key_hash, number)
JOIN idempotency USING (account, method, key_hash)
JOIN sample ON sample.id = idempotency.sample_id AND sample.owner = idempotency.account
WHERE idempotency.created_at >= now() - interval '24 hours'
"""
SWEEP_KEYS = Sweep("idempotency", "created_at < now() - interval '24 hours'")


Asked = tuple[UUID, IdempotencyClaim]
"""An account, and what it claims."""


class Claimed(NamedTuple):
    """A sample that a key made, and the hash of the request of which it did so."""

    fingerprint: bytes
    stored: StoredSample


class Reading:
    """Reads samples; those that are asked for while a query is under way share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Coalescer(self._read_all)
        self._by_key = Coalescer(self._find_all)

    async def get(self, sample_id: UUID) -> StoredSample:
        """Return a sample whole, as it is after this call began. Raises SampleNotFound."""
        found = await self._together.submit(sample_id)
        if found is None:
            raise SampleNotFound
        return found

    async def find(self, owner: UUID, claim: IdempotencyClaim) -> StoredSample | None:
        """Return the sample that a key made within 24 hours. Raises IdempotencyKeyReused."""
        return _check(claim, await self._by_key.submit((owner, claim)))

    async def _find_all(self, asked: Sequence[Asked]) -> Sequence[Claimed | None]:
        return await _find_by_keys(self._database, asked)

    async def _read_all(self, sample_ids: Sequence[UUID]) -> Sequence[StoredSample | None]:
        found = {row["id"]: row for row in await self._database.fetch(BY_IDS, set(sample_ids))}
        return [rows.to_stored(found[id]) if id in found else None for id in sample_ids]


async def find_by_key(database: Database, owner: UUID, claim: IdempotencyClaim) -> StoredSample | None:
    """Return the sample that a key made within 24 hours. Raises IdempotencyKeyReused."""
    (found,) = await _find_by_keys(database, [(owner, claim)])
    return _check(claim, found)


async def _find_by_keys(database: Database, asked: Sequence[Asked]) -> list[Claimed | None]:
    found = await database.fetch(
        BY_KEYS,
        [owner for owner, _ in asked],
        [claim.method for _, claim in asked],
        [claim.key_hash for _, claim in asked],
    )
    by_number = {row["number"]: Claimed(row["fingerprint"], rows.to_stored(row)) for row in found}
    return [by_number.get(number) for number in range(1, len(asked) + 1)]


def _check(claim: IdempotencyClaim, found: Claimed | None) -> StoredSample | None:
    """Return the sample that a key made. Raises IdempotencyKeyReused when it made it of another request."""
    if found is None:
        return None
    if found.fingerprint != claim.fingerprint:
        raise IdempotencyKeyReused
    return found.stored


async def get(database: Database, sample_id: UUID) -> StoredSample:
    """Return a sample whole. Raises SampleNotFound."""
    for row in await database.fetch(BY_IDS, [sample_id]):
        return rows.to_stored(row)
    raise SampleNotFound
