"""The saga engine's operations: settle whether a sample was stored, report states, resume."""

import asyncio
from uuid import UUID, uuid4

import grpc
import pytest
from uuid6 import uuid7

from backend_svc import locks
from backend_svc.samples.insertion import insert
from backend_svc.samples.store import read_request
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.backend.conftest import Backend, Refused, new_account, store_request
from tests.integration.backend.test_store import claim, count


async def settle(backend: Backend, id: str, token: int = 2) -> Sample | None:
    answer = await backend.samples.SettleSample(pb.SettleSampleRequest(id=id, fencing_token=token))
    return answer.stored.sample if answer.HasField("stored") else None


def request(token: int, owner: str = "", **arguments: object) -> pb.StoreSampleRequest:
    made = store_request(owner or new_account(), **arguments)  # pyright: ignore[reportArgumentType]
    made.fencing_token = token
    return made


async def test_settling_a_stored_sample_returns_it(backend: Backend) -> None:
    stored = (await backend.store(request(1))).stored.sample
    assert await settle(backend, stored.id) == stored
    assert await count(backend, "settlement") == 0


@pytest.mark.parametrize("token", [1, 2])
async def test_store_after_settlement_fails(backend: Backend, token: int) -> None:
    late = request(token, claim=claim("key"))
    assert await settle(backend, late.stored.sample.id) is None
    with pytest.raises(Refused) as refused:
        await backend.store(late)
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ABORTED, "SAGA_TAKEN_OVER")
    assert [await count(backend, table) for table in ("sample", "idempotency", "event", "audit")] == [0, 0, 0, 0]
    # The client can repeat the request with the same key.
    assert not (await backend.store(request(3, late.principal.user_id, claim=claim("key")))).replayed


async def test_repeated_settlement_keeps_the_newest_token(backend: Backend) -> None:
    id = str(uuid7())
    for token in (5, 3, 4):
        assert await settle(backend, id, token) is None
    assert await backend.database.fetchval("SELECT fencing_token FROM settlement WHERE sample_id = $1", UUID(id)) == 5


async def test_concurrent_store_and_settlement_agree(backend: Backend) -> None:
    requests = [request(1) for _ in range(60)]

    async def store(request: pb.StoreSampleRequest) -> str:
        try:
            return (await backend.store(request)).stored.sample.id
        except Refused as refused:
            return refused.reason

    outcomes = await asyncio.gather(
        *(asyncio.gather(store(made), settle(backend, made.stored.sample.id)) for made in requests)
    )
    for made, (stored, settled) in zip(requests, outcomes, strict=True):
        id = made.stored.sample.id
        assert (stored, settled and settled.id) in ((id, id), ("SAGA_TAKEN_OVER", None))
    assert await count(backend, "sample") == sum(stored != "SAGA_TAKEN_OVER" for stored, _ in outcomes)


async def test_settlement_waits_for_a_store_that_holds_the_lock(backend: Backend) -> None:
    """The settlement must see what the previous holder of the lock committed."""
    made = request(1)
    id = UUID(made.stored.sample.id)
    async with backend.database.transaction() as connection:
        await locks.take(connection, shared=[locks.lock_key("sample", id)])
        settling = asyncio.create_task(settle(backend, str(id)))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not await backend.database.fetchval(waiting):
            assert not settling.done()
        await insert(connection, [read_request(made)])
    settled = await settling
    assert settled is not None
    assert settled.id == str(id)


async def test_states_of_many_samples_are_returned_at_once(backend: Backend) -> None:
    owner = new_account()
    stored = (await backend.store(store_request(owner))).stored.sample.id
    indexed = await backend.add(owner)
    unknown = str(uuid4())
    answer = await backend.samples.GetSampleStates(pb.GetSampleStatesRequest(ids=[stored, indexed, unknown]))
    assert dict(answer.states) == {stored: Sample.STATE_STORED, indexed: Sample.STATE_INDEXED}


async def resume(backend: Backend, id: str) -> None:
    try:
        await backend.samples.ResumeSample(pb.ResumeSampleRequest(id=id))
    except grpc.aio.AioRpcError as error:
        raise Refused.of(error) from None


async def test_resume_publishes_the_awaited_event_again(backend: Backend) -> None:
    id = (await backend.store(store_request(new_account()))).stored.sample.id
    for step, waits_for in ((backend.index, "sample.anonymized"), (backend.notify, "sample.indexed"), (None, None)):
        await backend.database.execute("DELETE FROM outbox")  # The events were published, but never handled.
        await resume(backend, id)
        await resume(backend, id)
        expected = [await backend.event(id, waits_for)] if waits_for else []
        assert await backend.outbox() == expected
        if step is not None:
            await step(id)


async def test_resuming_an_unknown_sample_fails(backend: Backend) -> None:
    with pytest.raises(Refused) as refused:
        await resume(backend, str(uuid4()))
    assert refused.value.reason == "SAMPLE_NOT_FOUND"
