"""StoreSample stores a sample completely or not at all, and only once, even under concurrency."""

import asyncio
import hashlib
from collections import Counter
from uuid import UUID, uuid4

import grpc
import pytest

from backend_svc.locks import lock_key
from backend_svc.samples.lookup import Lookup
from backend_svc.samples.store import Store
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.backend.conftest import PUBLIC, QUASI, Backend, Refused, new_account, principal, store_request

METHOD = "fairdb.samples.v1.SampleService/CreateSample"


def claim(key: str, fingerprint: str = "same") -> pb.IdempotencyClaim:
    return pb.IdempotencyClaim(
        method=METHOD,
        key_hash=hashlib.sha256(key.encode()).digest(),
        fingerprint=hashlib.sha256(fingerprint.encode()).digest(),
    )


async def count(backend: Backend, table: str) -> int:
    return await backend.database.pool.fetchval(f"SELECT count(*) FROM {table}")


async def test_stored_sample_is_read_back_completely(backend: Backend) -> None:
    owner = new_account()
    request = store_request(
        owner,
        {"age": (34.5, QUASI), "n": (3, PUBLIC), "smoker": (False, QUASI), "site": ("stool é", PUBLIC), "x": (None, 1)},
        subject="pseudonym",
        taxon_id=408170,
        collection_date="2008",
    )
    answer = await backend.store(request)
    assert not answer.replayed
    stored = answer.stored.sample
    assert (stored.state, stored.owner, stored.etag) == (Sample.STATE_STORED, owner, '"1"')
    assert stored.HasField("create_time")
    assert stored.create_time == stored.update_time
    assert await backend.get(stored.id) == stored
    assert (stored.subject, stored.taxon_id, stored.collection_date) == ("pseudonym", 408170, "2008")
    assert stored.metadata == request.stored.sample.metadata
    read = await backend.samples.GetStoredSample(pb.GetStoredSampleRequest(id=stored.id))
    assert read.classes == request.stored.classes


async def test_store_writes_audit_row_and_three_numbered_events(backend: Backend) -> None:
    owner = new_account()
    id = (await backend.store(store_request(owner))).stored.sample.id
    assert await backend.actions(id) == [("store", owner)]
    events = await backend.events(id)
    assert [(event.sequence, event.type) for event in events] == [
        (1, "sample.created"),
        (2, "sample.validated"),
        (3, "sample.anonymized"),
    ]
    assert {event.actor for event in events} == {owner}
    assert sorted(await backend.outbox(), key=lambda event: event.sequence) == list(events)


async def test_unknown_sample_is_not_found(backend: Backend) -> None:
    with pytest.raises(Refused) as refused:
        await backend.get(str(uuid4()))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "SAMPLE_NOT_FOUND")


async def test_repeat_with_same_id_returns_the_first_answer(backend: Backend) -> None:
    request = store_request(new_account())
    first = await backend.store(request)
    repeats = await asyncio.gather(*(backend.store(request) for _ in range(10)))
    assert all(repeat == first for repeat in repeats)
    assert [await count(backend, table) for table in ("sample", "audit", "event", "outbox")] == [1, 1, 3, 3]


async def test_concurrent_stores_of_one_id_store_one_sample(backend: Backend) -> None:
    request = store_request(new_account())
    answers = await asyncio.gather(*(backend.store(request) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert [await count(backend, table) for table in ("sample", "audit", "event")] == [1, 1, 3]


@pytest.mark.parametrize("with_claim", [False, True])
async def test_id_of_another_owner_is_rejected(backend: Backend, with_claim: bool) -> None:
    first = await backend.store(store_request(new_account()))
    with pytest.raises(Refused):
        await backend.store(
            store_request(new_account(), id=first.stored.sample.id, claim=claim("key") if with_claim else None)
        )
    assert (await backend.get(first.stored.sample.id)).owner == first.stored.sample.owner


async def test_concurrent_calls_store_one_sample_per_key(backend: Backend) -> None:
    owner = new_account()
    requests = [store_request(owner, claim=claim(f"key {number % 20}")) for number in range(200)]
    answers = await asyncio.gather(*(backend.store(request) for request in requests))
    winners = [{answer.stored.sample.id for answer in answers[key::20]} for key in range(20)]
    assert all(len(ids) == 1 for ids in winners)
    assert Counter(answer.replayed for answer in answers) == {True: 180, False: 20}
    assert [await count(backend, table) for table in ("sample", "audit", "event")] == [20, 20, 60]


async def test_key_with_another_fingerprint_is_rejected(backend: Backend) -> None:
    owner = new_account()
    await backend.store(store_request(owner, claim=claim("key")))
    with pytest.raises(Refused) as refused:
        await backend.store(store_request(owner, claim=claim("key", "other")))
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    assert await count(backend, "sample") == 1


async def test_accounts_have_separate_keys(backend: Backend) -> None:
    answers = [await backend.store(store_request(new_account(), claim=claim("key"))) for _ in range(2)]
    assert [answer.replayed for answer in answers] == [False, False]


async def test_key_expires_after_a_day(backend: Backend) -> None:
    owner = new_account()
    first = await backend.store(store_request(owner, claim=claim("key")))
    await backend.database.pool.execute("UPDATE idempotency SET created_at = now() - interval '24 hours 1 second'")
    find = pb.FindByIdempotencyKeyRequest(principal=principal(owner), claim=claim("key", "other"))
    assert not (await backend.samples.FindByIdempotencyKey(find)).HasField("stored")
    second = await backend.store(store_request(owner, claim=claim("key", "other")))
    assert not second.replayed
    assert second.stored.sample.id != first.stored.sample.id
    found = await backend.samples.FindByIdempotencyKey(find)
    assert found.stored == second.stored


async def test_repeat_returns_the_current_sample(backend: Backend) -> None:
    owner = new_account()
    first = await backend.store(store_request(owner, claim=claim("key")))
    await backend.index(first.stored.sample.id)
    repeat = await backend.store(store_request(owner, claim=claim("key")))
    assert repeat.replayed
    assert repeat.stored.sample.state == Sample.STATE_INDEXED


async def test_repeat_after_a_withdrawal_returns_the_sample(backend: Backend) -> None:
    """The caller may have lost the first answer and would read "withdrawn" as "not stored"."""
    owner, consent = new_account(), str(uuid4())
    request = store_request(owner, consents=[consent])
    await backend.store(request)
    await backend.quarantine(consent, owner)
    assert (await backend.store(request)).stored.sample.state == Sample.STATE_QUARANTINED


@pytest.mark.parametrize("place", ["organism", "subject", "collection_date", "value", "name"])
async def test_nul_is_rejected(backend: Backend, place: str) -> None:
    request = store_request(new_account(), {"x": ("y", PUBLIC)})
    sample = request.stored.sample
    if place == "value":
        sample.metadata["x"].string_value = "a\0b"
    elif place == "name":
        sample.metadata["a\0b"].string_value = "y"
    else:
        setattr(sample, place, "a\0b")
    await assert_rejected_as_invalid(backend, request)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_number_without_json_form_is_rejected(backend: Backend, number: float) -> None:
    await assert_rejected_as_invalid(backend, store_request(new_account(), {"x": (number, PUBLIC)}))


async def test_nested_metadata_is_rejected(backend: Backend) -> None:
    request = store_request(new_account())
    request.stored.sample.metadata["x"].list_value.values.add(string_value="y")
    await assert_rejected_as_invalid(backend, request)


@pytest.mark.parametrize("field", ["id", "study"])
async def test_invalid_uuid_is_rejected(backend: Backend, field: str) -> None:
    request = store_request(new_account())
    setattr(request.stored.sample, field, "secret-name")
    await assert_rejected_as_invalid(backend, request)


async def assert_rejected_as_invalid(backend: Backend, request: pb.StoreSampleRequest) -> None:
    with pytest.raises(Refused) as refused:
        await backend.store(request)
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.violations
    assert "secret-name" not in str(refused.value)
    assert await count(backend, "sample") == 0


async def test_store_takes_four_round_trips(backend: Backend) -> None:
    """The round trips are BEGIN, the locks, the statement and COMMIT."""
    # Wait for the migration, which uses another connection. Later calls use only the watched connection.
    await backend.database.migrated()
    store = Store(backend.database, Lookup(backend.database))
    seen: list[str] = []
    async with backend.database.pool.acquire() as connection:
        connection.add_query_logger(lambda record: seen.append(record.query))
    # The first call also prepares the statements.
    await store.store(store_request(new_account()))
    seen.clear()
    await store.store(store_request(new_account()))
    statements = [query for query in seen if "pg_advisory_unlock_all" not in query]
    assert len(statements) == 4, statements


async def test_only_the_gateway_may_store(backend: Backend) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await backend.as_privacy.StoreSample(store_request(new_account()))
    assert failed.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_lock_keys_fit_64_bits_and_differ() -> None:
    keys = {lock_key("sample", UUID(int=number)) for number in range(1000)}
    assert len(keys) == 1000
    assert all(-(2**63) <= key < 2**63 for key in keys)
