"""Reads whole samples, by id or by idempotency key."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from backend_svc.embargo import EMBARGOED
from backend_svc.samples import rows
from backend_svc.samples.counting import SIZE
from backend_svc.samples.errors import IdempotencyKeyReused, SampleNotFound
from chassis.calling.coalescer import Coalescer
from chassis.storage.database import Database
from chassis.storage.sweep import Sweep
from fairdb.backend.v1.backend_service_pb2 import IdempotencyClaim, StoredSample

# True if a consent of the sample was withdrawn: reads must not wait until the sample's row is updated to quarantined.
BARRED = "EXISTS (SELECT FROM barrier WHERE consent = ANY (sample.consents))"
COLUMNS = f"""
sample.*,
(SELECT consent FROM barrier WHERE consent = ANY (sample.consents) ORDER BY raised_at, consent LIMIT 1) AS barred_by,
(SELECT min(raised_at) FROM barrier WHERE consent = ANY (sample.consents)) AS barred_at,
{SIZE} AS class_size,
{EMBARGOED} AS is_embargoed
"""
BY_IDS = f"SELECT {COLUMNS} FROM sample WHERE id = ANY ($1::uuid[])"
BY_KEYS = f"""
SELECT claim.number, idempotency.fingerprint, {COLUMNS}
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) WITH ORDINALITY AS claim (account, method, key_hash, number)
JOIN idempotency USING (account, method, key_hash)
JOIN sample ON sample.id = idempotency.sample_id AND sample.owner = idempotency.account
WHERE idempotency.created_at >= now() - interval '24 hours'
"""
SWEEP_KEYS = Sweep("idempotency", "created_at < now() - interval '24 hours'")

OwnedClaim = tuple[UUID, IdempotencyClaim]
"""An account and its claim."""


class Claimed(NamedTuple):
    """The sample that was stored under a key, and the fingerprint of the request that stored it."""

    fingerprint: bytes
    stored: StoredSample


class Lookup:
    """Reads samples. Calls that arrive during a query share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id = Coalescer(self._get_all)
        self._by_key = Coalescer(self._find_all)

    async def get(self, sample_id: UUID) -> StoredSample:
        """Return a whole sample; the query starts after this call. Raises SampleNotFound."""
        found = await self._by_id.submit(sample_id)
        if found is None:
            raise SampleNotFound
        return found

    async def find(self, owner: UUID, claim: IdempotencyClaim) -> StoredSample | None:
        """Return the sample that was stored under a key within the last 24 hours.

        Raises IdempotencyKeyReused if the key was used for a different request.
        """
        found = await self._by_key.submit((owner, claim))
        if found is None:
            return None
        if found.fingerprint != claim.fingerprint:
            raise IdempotencyKeyReused
        return found.stored

    async def _get_all(self, sample_ids: Sequence[UUID]) -> Sequence[StoredSample | None]:
        found = {row["id"]: row for row in await self._database.fetch(BY_IDS, set(sample_ids))}
        return [rows.to_stored(found[id]) if id in found else None for id in sample_ids]

    async def _find_all(self, claims: Sequence[OwnedClaim]) -> Sequence[Claimed | None]:
        found = await self._database.fetch(
            BY_KEYS,
            [owner for owner, _ in claims],
            [claim.method for _, claim in claims],
            [claim.key_hash for _, claim in claims],
        )
        by_number = {row["number"]: Claimed(row["fingerprint"], rows.to_stored(row)) for row in found}
        return [by_number.get(number) for number in range(1, len(claims) + 1)]
