"""Preparations on a real database: repeats, tombstones, and outdated fencing tokens."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from chassis.errors import AppError
from chassis.storage.database import Database, open_database
from privacy_svc.consent import store as consents
from privacy_svc.consent.validity import SAMPLE_CREATION
from privacy_svc.samples import privacy_status, recording, store
from privacy_svc.samples.errors import SagaTakenOver, SampleNotFound
from tests.integration.conftest import NewDatabase

ACCOUNT, STUDY = uuid4(), uuid4()


@pytest_asyncio.fixture
async def database(new_database: NewDatabase) -> AsyncIterator[Database]:
    async with open_database(await new_database("privacy_svc"), []) as database:
        async with database.transaction() as connection:
            await consents.grant(connection, consents.Scope(ACCOUNT, SAMPLE_CREATION))
        yield database


async def prepare(database: Database, id: UUID, token: int, account: UUID = ACCOUNT) -> object:
    async with database.connection() as connection:
        new = recording.NewPreparation(id, account, STUDY, None, "1", {"organism": "kept"}, 2, token)
        (outcome,) = await recording.record_all(connection, [new])
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


async def discard(database: Database, id: UUID, token: int) -> None:
    async with database.connection() as connection:
        await store.discard(connection, id, token)


async def is_kept(database: Database, id: UUID) -> bool:
    try:
        async with database.connection() as connection:
            return (await privacy_status.read_status(connection, id)).anonymized
    except SampleNotFound:
        return False


async def test_repeat_returns_the_same_preparation(database: Database) -> None:
    id = uuid4()
    assert await prepare(database, id, 1) == await prepare(database, id, 1)
    assert await is_kept(database, id)


@pytest.mark.parametrize("first", [True, False])
async def test_tombstone_refuses_later_preparations(database: Database, first: bool) -> None:
    id = uuid4()
    if first:
        await prepare(database, id, 1)
    await discard(database, id, 2)
    await discard(database, id, 2)
    for token in (1, 2, 3):
        with pytest.raises(SagaTakenOver):
            await prepare(database, id, token)
    assert not await is_kept(database, id)


async def test_older_fencing_token_can_neither_discard_nor_prepare(database: Database) -> None:
    id = uuid4()
    await prepare(database, id, 5)
    with pytest.raises(SagaTakenOver):
        await discard(database, id, 4)
    assert await is_kept(database, id)
    with pytest.raises(SagaTakenOver):
        await prepare(database, id, 4)


async def test_concurrent_prepare_and_discard_leave_a_tombstone(database: Database) -> None:
    ids = [uuid4() for _ in range(40)]
    calls = [call for id in ids for call in (prepare(database, id, 1), discard(database, id, 2))]
    await asyncio.gather(*calls, return_exceptions=True)
    assert [id for id in ids if await is_kept(database, id)] == []


async def test_sweep_removes_tombstones_after_a_month_but_no_preparation(database: Database) -> None:
    kept, fresh, old = uuid4(), uuid4(), uuid4()
    await prepare(database, kept, 1)
    for id in (fresh, old):
        await discard(database, id, 1)
    month = "UPDATE preparation SET prepared_at = now() - interval '31 days' WHERE sample_id = ANY($1::uuid[])"
    await database.execute(month, [kept, old])
    await database.execute(store.SWEEP_TOMBSTONES.statement)
    left = {row["sample_id"] for row in await database.fetch("SELECT sample_id FROM preparation")}
    assert left == {kept, fresh}
