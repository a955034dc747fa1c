"""Samples at rest, read whole."""

from collections.abc import Sequence
from uuid import UUID

from backend_svc import rows
from backend_svc.errors import IdempotencyKeyReused
from chassis.coalescer import Coalescer
from chassis.database import Database
from chassis.errors import SampleNotFound
from chassis.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim, StoredSample

# A barrier binds before the samples behind it are quarantined one by one.
BARRED = "EXISTS (SELECT FROM barrier WHERE consent = ANY (sample.consents))"
COLUMNS = """
sample.*,
(SELECT consent FROM barrier WHERE consent = ANY (sample.consents) ORDER BY raised_at, consent LIMIT 1) AS barred_by,
(SELECT min(raised_at) FROM barrier WHERE consent = ANY (sample.consents)) AS barred_at
"""
BY_IDS = f"SELECT {COLUMNS} FROM sample WHERE id = ANY ($1::uuid[])"
BY_KEY = f"""
SELECT idempotency.fingerprint, {COLUMNS} FROM idempotency
JOIN sample ON sample.id = idempotency.sample_id AND sample.owner = idempotency.account
WHERE account = $1 AND method = $2 AND key_hash = $3 AND idempotency.created_at >= now() - interval '24 hours'
"""
SWEEP_KEYS = Sweep("idempotency", "created_at < now() - interval '24 hours'")


class Reading:
    """Reads samples; those that are asked for while a query is under way share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Coalescer(self._read_all)

    async def get(self, sample_id: UUID) -> StoredSample:
        """Return a sample whole, as it is after this call began. Raises SampleNotFound."""
        found = await self._together.submit(sample_id)
        if found is None:
            raise SampleNotFound
        return found

    async def _read_all(self, sample_ids: Sequence[UUID]) -> Sequence[StoredSample | None]:
        found = {row["id"]: row for row in await self._database.fetch(BY_IDS, set(sample_ids))}
        return [rows.to_stored(found[id]) if id in found else None for id in sample_ids]


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
    for row in await database.fetch(BY_IDS, [sample_id]):
        return rows.to_stored(row)
    raise SampleNotFound
