"""The donors of each equivalence class are counted with every store and withdrawal, and never read too high."""

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend_svc.lifecycle import backfill
from backend_svc.samples.insertion import insert
from backend_svc.samples.lookup import BY_IDS
from backend_svc.samples.store import read_request
from chassis import call_context
from chassis.call_context import Call, Caller
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.backend.conftest import (
    PUBLIC,
    QUASI,
    SENSITIVE,
    STUDY,
    Backend,
    Refused,
    new_account,
    store_request,
)
from tests.waiting import eventually

# The same counts, from the samples alone.
RECOUNT = """
WITH counted AS (
    SELECT DISTINCT study, coalesce(counted_as, subject) AS subject, class_id FROM sample
    WHERE state <> 4 AND subject <> ''
), donor AS (
    SELECT *, count(*) OVER (PARTITION BY study, subject) > 1 AS is_linked FROM counted
)
SELECT class_id AS id, count(*)::int AS donors, count(*) FILTER (WHERE is_linked)::int AS linked
FROM donor GROUP BY class_id
"""
RECOUNT_DONORS = """
SELECT study, coalesce(counted_as, subject), class_id, count(*)::int AS samples FROM sample
WHERE state <> 4 AND subject <> '' GROUP BY study, coalesce(counted_as, subject), class_id
"""


async def assert_exact(backend: Backend) -> None:
    """Check every count against the samples."""
    for table, statement in (("equivalence_class", RECOUNT), ("class_donor", RECOUNT_DONORS)):
        assert await rows(backend, f"SELECT * FROM {table}") == await rows(backend, statement)
    assert not await backend.database.fetchval("SELECT count(*) FROM sample WHERE (class_id IS NULL) = (state <> 4)")


async def rows(backend: Backend, statement: str) -> set[tuple[object, ...]]:
    return {tuple(row.values()) for row in await backend.database.fetch(statement)}


async def size_of(backend: Backend, id: str) -> tuple[int, bool]:
    stored = await backend.samples.GetStoredSample(pb.GetStoredSampleRequest(id=id))
    return stored.class_donors, stored.class_is_linked


def sample_of(
    donor: str, age: str = "30-39", *, consents: Sequence[str] = (), study: str = STUDY, **fields: object
) -> pb.StoreSampleRequest:
    """Return a request to store a sample of a donor, whose age band decides its equivalence class."""
    metadata = {"age": (age, QUASI), "sex": ("Female", QUASI), "site": ("skin", PUBLIC), "diet": ("vegan", SENSITIVE)}
    request = store_request(new_account(), metadata, consents=consents, subject=donor, study=study, **fields)  # pyright: ignore[reportArgumentType]
    if donor:
        request.stored.classes["subject"] = QUASI
    return request


async def add(backend: Backend, *arguments: str, **fields: object) -> str:
    return (await backend.store(sample_of(*arguments, **fields))).stored.sample.id  # pyright: ignore[reportArgumentType]


async def test_donors_of_a_class_are_counted_once(backend: Backend) -> None:
    first = await add(backend, "p-1")
    assert await size_of(backend, first) == (1, False)
    for donor, age, study in (
        ("p-1", "30-39", STUDY),
        ("p-2", "30-39", STUDY),
        ("", "30-39", STUDY),
        ("p-3", "40-49", STUDY),
        ("p-4", "30-39", str(uuid4())),
    ):
        await add(backend, donor, age, study=study)
    assert await size_of(backend, first) == (2, False)
    await add(backend, "p-2", "40-49")
    assert await size_of(backend, first) == (2, True)
    await assert_exact(backend)


async def test_subjects_of_one_donor_count_once(backend: Backend) -> None:
    async def visit(number: int, donor: str, age: str = "30-39") -> tuple[str, str]:
        consent = str(uuid4())
        request = sample_of(f"p-{donor}-{number}", age, consents=[consent])
        request.stored.counted_as = donor
        return (await backend.store(request)).stored.sample.id, consent

    first, _ = await visit(1, "p-a")
    _, second_consent = await visit(2, "p-a")
    _, third_consent = await visit(1, "p-b")
    assert await size_of(backend, first) == (2, False)
    later, _ = await visit(3, "p-a", "40-49")
    assert await size_of(backend, first) == (2, True)
    assert await size_of(backend, later) == (1, True)
    await assert_exact(backend)
    await backend.quarantine(second_consent, new_account())
    assert await size_of(backend, first) == (2, True)
    await backend.quarantine(third_consent, new_account())
    assert await size_of(backend, first) == (1, True)
    await assert_exact(backend)
    # Counted again from the stored samples.
    await backend.database.execute("UPDATE sample SET class_id = NULL")
    await backend.database.execute("TRUNCATE equivalence_class, class_donor")
    await backfill.count_batch(backend.database)
    assert await size_of(backend, first) == (1, True)
    await assert_exact(backend)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"site": ("stool", PUBLIC)}, True),
        ({"diet": ("vegetarian", SENSITIVE)}, True),
        ({"sex": ("Male", QUASI)}, False),
        ({"sex": ("Female", SENSITIVE)}, False),
        ({"country": ("Chile", QUASI)}, False),
        ({"site": ("skin", QUASI)}, False),
        ({"age": ("30-39 ", QUASI)}, False),
    ],
)
async def test_class_has_all_quasi_identifiers_and_nothing_else(
    backend: Backend, change: dict[str, tuple[str, int]], same: bool
) -> None:
    metadata = {"age": ("30-39", QUASI), "sex": ("Female", QUASI), "site": ("skin", PUBLIC), "diet": ("no", SENSITIVE)}
    first = await backend.store(store_request(new_account(), metadata, subject="p-1"))
    await backend.store(store_request(new_account(), {**metadata, **change}, subject="p-2"))
    assert await size_of(backend, first.stored.sample.id) == (2 if same else 1, False)


async def test_numbers_and_dates_belong_to_the_class(backend: Backend) -> None:
    def request(donor: str, latitude: float, year: str) -> pb.StoreSampleRequest:
        made = store_request(new_account(), {"latitude": (latitude, QUASI)}, subject=donor, collection_date=year)
        made.stored.classes["collectionDate"] = QUASI
        return made

    first = (await backend.store(request("p-1", 52.0, "2011"))).stored.sample.id
    for donor, latitude, year in (("p-2", 52, "2011"), ("p-3", 53, "2011"), ("p-4", 52, "2012")):
        await backend.store(request(donor, latitude, year))
    assert await size_of(backend, first) == (2, False)
    # The background task reads the same values from the database, and finds the same classes.
    await backend.database.execute("DELETE FROM class_donor")
    await backend.database.execute("DELETE FROM equivalence_class")
    await backend.database.execute("UPDATE sample SET class_id = NULL")
    assert await eventually(lambda: is_size(backend, first, (2, False)))
    await assert_exact(backend)


async def test_repeat_counts_once_and_refused_store_does_not_count(backend: Backend) -> None:
    request = sample_of("p-1")
    request.claim.CopyFrom(pb.IdempotencyClaim(method="m", key_hash=b"k" * 32, fingerprint=b"f" * 32))
    for _ in range(3):
        await backend.store(request)
    again = pb.StoreSampleRequest.FromString(request.SerializeToString())
    again.stored.sample.id = str(uuid4())
    assert (await backend.store(again)).replayed
    consent = str(uuid4())
    await backend.quarantine(consent, new_account())
    with pytest.raises(Refused):
        await backend.store(sample_of("p-2", consents=[consent]))
    assert await size_of(backend, request.stored.sample.id) == (1, False)
    await assert_exact(backend)


async def test_withdrawal_lowers_the_count_before_its_answer(backend: Backend) -> None:
    consents = {donor: str(uuid4()) for donor in ("p-1", "p-2", "p-3")}
    ids = {donor: await add(backend, donor, consents=[consent]) for donor, consent in consents.items()}
    await add(backend, "p-2", "40-49", consents=[consents["p-2"]])
    assert await size_of(backend, ids["p-1"]) == (3, True)
    await backend.quarantine(consents["p-2"], new_account())
    assert await size_of(backend, ids["p-1"]) == (2, False)
    await backend.quarantine(consents["p-3"], new_account())
    assert await size_of(backend, ids["p-1"]) == (1, False)
    await backend.quarantine(consents["p-1"], new_account())
    # Neither the class nor the pseudonym of a withdrawn donor stays in the counts.
    for table in ("equivalence_class", "class_donor"):
        assert await backend.database.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_no_class_is_large_enough_while_a_withdrawal_in_its_study_is_being_settled(backend: Backend) -> None:
    """A withdrawal of thousands of samples first inserts the barrier, and later quarantines the samples."""
    elsewhere = str(uuid4())
    here, there = await add(backend, "p-1"), await add(backend, "p-1", study=elsewhere)
    raise_barrier = "INSERT INTO barrier (consent, actor, studies) VALUES ($1::uuid, '', $2)"
    async with backend.database.connection() as connection:
        # The background task would settle a barrier that it sees: the transaction is not committed.
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(raise_barrier, str(uuid4()), [UUID(STUDY)])
        assert await donors(connection, here, there) == [0, 1]
        await connection.execute(raise_barrier, str(uuid4()), None)
        assert await donors(connection, here, there) == [0, 0]
        await connection.execute("UPDATE barrier SET settled = true")
        assert await donors(connection, here, there) == [1, 1]
        await transaction.rollback()


async def donors(connection: asyncpg.pool.PoolConnectionProxy, *ids: str) -> list[int]:
    found = {str(row["id"]): row["class_size"] or (0, 0) for row in await connection.fetch(BY_IDS, ids)}
    return [found[id][0] for id in ids]


async def test_barrier_names_the_studies_of_the_samples(backend: Backend) -> None:
    consent, elsewhere = str(uuid4()), str(uuid4())
    for study in (STUDY, elsewhere):
        await add(backend, "p-1", study=study, consents=[consent])
    await backend.quarantine(consent, new_account())
    assert sorted(await backend.database.fetchval("SELECT studies FROM barrier")) == sorted(
        [UUID(STUDY), UUID(elsewhere)]
    )


async def test_samples_of_an_older_release_are_counted(backend: Backend) -> None:
    ids = [await add(backend, f"p-{number}") for number in range(4)]
    await backend.database.execute("DELETE FROM class_donor")
    await backend.database.execute("DELETE FROM equivalence_class")
    await backend.database.execute("UPDATE sample SET class_id = NULL")
    assert await eventually(lambda: is_size(backend, ids[0], (4, False)))
    await assert_exact(backend)
    # An older release quarantines without counting.
    quarantine = "UPDATE sample SET state = $2 WHERE id = $1"
    await backend.database.execute(quarantine, UUID(ids[3]), Sample.STATE_QUARANTINED)
    assert await eventually(lambda: is_size(backend, ids[0], (3, False)))
    await assert_exact(backend)


async def is_size(backend: Backend, id: str, expected: tuple[int, bool]) -> bool:
    return await size_of(backend, id) == expected


async def test_concurrent_stores_of_one_donor_see_each_other(backend: Backend) -> None:
    """Each of two stores adds another class of one donor. One must see that the donor now has two."""
    call_context.enter(Call(correlation_id="c", caller=Caller(service="gateway")))
    requests = [sample_of("p-1", age) for age in ("30-39", "40-49")]

    async def store_second() -> None:
        async with backend.database.transaction() as connection:
            await insert(connection, [read_request(requests[1])])

    async with backend.database.transaction() as connection:
        await insert(connection, [read_request(requests[0])])
        second = asyncio.create_task(store_second())
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        assert await eventually(lambda: backend.database.fetchval(waits))
    await second
    for request in requests:
        assert await size_of(backend, request.stored.sample.id) == (1, True)
    await assert_exact(backend)


async def test_counts_are_exact_after_concurrent_stores_and_withdrawals(backend: Backend) -> None:
    dice = random.Random(7)
    given = [str(uuid4()) for _ in range(12)]
    studies = [STUDY, str(uuid4())]
    call_context.enter(Call(correlation_id="c", caller=Caller(service="gateway")))

    def request() -> pb.StoreSampleRequest:
        consents = dice.sample(given, dice.randint(1, 2))
        donor = dice.choice(["", *(f"p-{number}" for number in range(15))])
        return sample_of(donor, dice.choice(["30-39", "40-49", "50-59"]), consents=consents, study=dice.choice(studies))

    async def store_alone(requests: Sequence[pb.StoreSampleRequest]) -> None:
        """Store in a transaction of its own, as another process would."""
        async with backend.database.transaction() as connection:
            await insert(connection, [read_request(request) for request in requests])

    async def store(requests: Sequence[pb.StoreSampleRequest]) -> None:
        for request in requests:
            try:
                await backend.store(request)
            except Refused as error:
                if error.reason != "CONSENT_WITHDRAWN":
                    raise

    async def withdraw(consent: str) -> None:
        await asyncio.sleep(dice.random())
        await backend.quarantine(consent, new_account())

    work = [store_alone([request() for _ in range(dice.randint(1, 12))]) for _ in range(24)]
    work += [store([request() for _ in range(5)]) for _ in range(24)]
    work += [withdraw(consent) for consent in given[:5]]
    dice.shuffle(work)
    await asyncio.gather(*work)
    await assert_exact(backend)
    assert await backend.database.fetchval("SELECT count(*) FROM sample WHERE state = 4") > 10
    assert await backend.database.fetchval("SELECT max(donors) FROM equivalence_class") > 3
