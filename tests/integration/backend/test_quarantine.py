"""Withdrawal of consent: it reaches every sample that depends on the consent, including those stored concurrently."""

import asyncio
from uuid import UUID, uuid4

import grpc
import pytest

from backend_svc import locks
from backend_svc.lifecycle import quarantine
from backend_svc.samples.insertion import insert
from backend_svc.samples.store import read_request
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.backend.conftest import PUBLIC, Backend, Refused, new_account, store_request
from tests.waiting import eventually


async def test_quarantine_affects_only_samples_of_the_consent(backend: Backend) -> None:
    owner, consent, steward = new_account(), str(uuid4()), new_account()
    resting = await backend.add(owner, {"age": (30, PUBLIC)}, consents=[consent, str(uuid4())])
    other = await backend.add(owner, {"age": (30, PUBLIC)})
    assert await backend.quarantine(consent, steward) == 1
    sample = await backend.get(resting)
    assert (sample.state, sample.etag) == (Sample.STATE_QUARANTINED, '"3"')
    assert (await backend.get(other)).state == Sample.STATE_INDEXED
    assert (await backend.actions(resting))[-1] == ("quarantine", steward)
    last = (await backend.events(resting))[-1]
    assert (last.type, last.sequence, last.actor) == ("sample.quarantined", 5, steward)
    assert last in await backend.outbox()
    indexed = "SELECT DISTINCT sample_id FROM sample_field"
    assert [str(row["sample_id"]) for row in await backend.database.pool.fetch(indexed)] == [other]


async def test_quarantine_is_repeatable(backend: Backend) -> None:
    owner, consent = new_account(), str(uuid4())
    id = await backend.add(owner, consents=[consent])
    assert [await backend.quarantine(consent, owner) for _ in range(3)] == [1, 0, 0]
    assert (await backend.events(id))[-1].sequence == 5


async def test_store_under_a_withdrawn_consent_fails(backend: Backend) -> None:
    consent = str(uuid4())
    await backend.quarantine(consent, new_account())
    claim = pb.IdempotencyClaim(method="m", key_hash=bytes(32), fingerprint=bytes(32))
    with pytest.raises(Refused) as refused:
        await backend.store(store_request(new_account(), consents=[str(uuid4()), consent], claim=claim))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.PERMISSION_DENIED, "CONSENT_WITHDRAWN")
    for table in ("sample", "audit", "event", "outbox", "idempotency"):
        assert await backend.database.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize("attempt", range(5))
async def test_withdrawal_concurrent_with_stores_reaches_every_sample(backend: Backend, attempt: int) -> None:
    owner, consent = new_account(), str(uuid4())

    async def store(number: int) -> bool:
        await asyncio.sleep(number * 0.0005)
        try:
            await backend.store(store_request(owner, consents=[str(uuid4()), consent]))
        except Refused as refused:
            if refused.reason != "CONSENT_WITHDRAWN":
                raise
            return False
        return True

    async def withdraw() -> int:
        await asyncio.sleep(0.01 * (attempt + 1))
        return await backend.quarantine(consent, owner)

    quarantined, *stored = await asyncio.gather(withdraw(), *(store(number) for number in range(100)))
    left = "SELECT count(*) FROM sample WHERE $1 = ANY(consents) AND state <> 4"
    assert await backend.database.pool.fetchval(left, UUID(consent)) == 0
    assert quarantined == sum(stored)


async def test_withdrawal_waits_for_a_store_that_holds_the_lock(backend: Backend) -> None:
    """Force the race of the test above: the withdrawal starts after a store took its lock and before it commits."""
    owner, consent = new_account(), uuid4()
    async with backend.database.transaction() as connection:
        await locks.take(connection, shared=[locks.lock_key("consent", consent)])
        withdrawal = asyncio.ensure_future(backend.quarantine(str(consent), owner))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        assert await eventually(lambda: backend.database.pool.fetchval(waiting), within=5)
        assert not withdrawal.done()
        request = store_request(owner, consents=[str(consent)])
        (outcome,) = await insert(connection, [read_request(request)])
        assert outcome.created_at is not None
    assert await withdrawal == 1
    assert (await backend.get(request.stored.sample.id)).state == Sample.STATE_QUARANTINED


async def test_concurrent_withdrawals_of_shared_samples_do_not_deadlock(backend: Backend) -> None:
    owner = new_account()
    consents = [str(uuid4()) for _ in range(4)]
    requests = [store_request(owner, consents=consents) for _ in range(40)]
    await asyncio.gather(*(backend.store(request) for request in requests))
    counts = await asyncio.gather(*(backend.quarantine(consent, owner) for consent in consents))
    assert sum(counts) == 40


async def test_quarantined_sample_is_not_indexed(backend: Backend) -> None:
    owner, consent = new_account(), str(uuid4())
    id = (await backend.store(store_request(owner, consents=[consent]))).stored.sample.id
    await backend.quarantine(consent, owner)
    await backend.index(id)
    assert (await backend.get(id)).state == Sample.STATE_QUARANTINED
    assert await backend.database.pool.fetchval("SELECT count(*) FROM sample_field") == 0
    assert [event.sequence for event in await backend.events(id)] == [1, 2, 3, 4]


async def test_barrier_takes_effect_before_samples_are_quarantined(backend: Backend) -> None:
    owner, consent = new_account(), str(uuid4())
    id = await backend.add(owner, consents=[consent])
    assert await backend.find(new_account()) == [id]

    await backend.database.execute(quarantine.RAISE_BARRIER, UUID(consent), owner)

    assert (await backend.get(id)).state == Sample.STATE_QUARANTINED
    assert await backend.find(new_account()) == []


async def test_samples_beyond_one_batch_are_quarantined_in_the_background(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "BATCH", 2)
    owner, consent = new_account(), str(uuid4())
    for _ in range(5):
        await backend.add(owner, consents=[consent])

    assert await backend.quarantine(consent, owner) == 2

    count = "SELECT count(*) = 5 FROM sample WHERE state = $1"
    await eventually(lambda: backend.database.fetchval(count, Sample.STATE_QUARANTINED))
    assert await backend.database.fetchval("SELECT settled FROM barrier")
