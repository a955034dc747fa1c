"""Only those who oversee a sample see it until its owner has stored nothing for a while."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from backend_svc import embargo
from backend_svc.lifecycle import backfill
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.privacy.v1.field_class_pb2 import StudyGrant
from fairdb.samples.v1.notification_service_pb2 import Subscription
from tests.integration.backend.conftest import (
    PUBLIC,
    QUASI,
    STUDY,
    Backend,
    new_account,
    principal,
    running,
    store_request,
)
from tests.integration.conftest import NewDatabase, Servers

END = "UPDATE embargo SET ends_at = now() - interval '1 second'"
ENDS = "SELECT ends_at FROM embargo"
# Move all embargoes into the past, as if the time had passed.
PASS = "UPDATE embargo SET ends_at = ends_at - $1::interval, latest_end = latest_end - $1::interval"
STEP = timedelta(hours=1)


@pytest_asyncio.fixture
async def embargoing(servers: Servers, new_database: NewDatabase) -> AsyncIterator[Backend]:
    async with running(servers, await new_database("backend_svc"), embargo_seconds=3600) as backend:
        await backend.database.migrated()
        yield backend


async def is_embargoed(backend: Backend, id: str) -> bool:
    return (await backend.samples.GetStoredSample(pb.GetStoredSampleRequest(id=id))).is_embargoed


async def test_samples_of_one_owner_become_visible_at_once(embargoing: Backend) -> None:
    owner, other, reader = new_account(), new_account(), new_account()
    ids = {await embargoing.add(owner) for _ in range(4)}
    foreign = await embargoing.add(other)
    assert await embargoing.find(reader) == []
    assert {*await embargoing.find(owner)} == ids
    assert {*await embargoing.find(reader, oversees=True)} == {*ids, foreign}
    curated = [StudyGrant(study=STUDY, classes=[PUBLIC], oversees=True)]
    assert {*await embargoing.find(reader, studies=curated)} == {*ids, foreign}
    read = [StudyGrant(study=STUDY, classes=[PUBLIC, QUASI], reader_k=1)]
    assert await embargoing.find(reader, studies=read) == []
    assert all([await is_embargoed(embargoing, id) for id in ids])

    await embargoing.database.execute(f"{END} WHERE owner = $1::uuid", owner)
    assert {*await embargoing.find(reader)} == ids
    assert not any([await is_embargoed(embargoing, id) for id in ids])
    assert await is_embargoed(embargoing, foreign)


async def test_later_samples_do_not_hide_earlier_ones_again(embargoing: Backend) -> None:
    owner, reader = new_account(), new_account()
    first = await embargoing.add(owner)
    await embargoing.database.execute(END)
    second = await embargoing.add(owner)
    assert await embargoing.find(reader) == [first]
    await embargoing.database.execute(END)
    assert {*await embargoing.find(reader)} == {first, second}


async def test_embargo_is_prolonged_for_a_day_at_most(embargoing: Backend) -> None:
    owner = new_account()
    await embargoing.add(owner)
    begun = await embargoing.database.fetchval(ENDS)
    now = await embargoing.database.fetchval("SELECT now()")
    assert STEP <= begun - now <= 2 * STEP
    # The end reveals no exact time.
    assert begun.timestamp() % STEP.total_seconds() == 0

    passed = timedelta()
    while passed < timedelta(hours=23):
        await embargoing.database.execute(PASS, STEP)
        passed += STEP
        id = await embargoing.add(owner)
        assert await embargoing.database.fetchval(ENDS) == begun
        assert await is_embargoed(embargoing, id)
    await embargoing.database.execute(PASS, STEP)
    await embargoing.add(owner)
    assert await embargoing.database.fetchval(ENDS) == begun
    await embargoing.database.execute(PASS, STEP)
    await embargoing.add(owner)
    # The embargo is not prolonged any more.
    assert await embargoing.database.fetchval(ENDS) == begun - STEP


async def test_most_samples_write_no_embargo(embargoing: Backend) -> None:
    owner = new_account()
    await embargoing.add(owner)
    version = "SELECT xmin::text FROM embargo"
    before = await embargoing.database.fetchval(version)
    await embargoing.add(owner)
    assert await embargoing.database.fetchval(version) == before


async def test_embargo_that_was_swept_is_over(embargoing: Backend) -> None:
    id = await embargoing.add(new_account())
    await embargoing.database.execute("UPDATE embargo SET ends_at = now() - interval '2 days'")
    await embargoing.database.execute(embargo.SWEEP_ENDED.statement)
    assert await embargoing.database.fetchval("SELECT count(*) FROM embargo") == 0
    assert not await is_embargoed(embargoing, id)
    assert await embargoing.find(new_account()) == [id]


async def test_donors_count_after_the_embargo(embargoing: Backend) -> None:
    """A reader would otherwise see in earlier samples of the class when a donor was added."""

    async def size(id: str) -> int:
        return (await embargoing.samples.GetStoredSample(pb.GetStoredSampleRequest(id=id))).class_donors

    async def store(owner: str, donor: str) -> str:
        request = store_request(owner, {"age": ("30-39", QUASI)}, subject=donor)
        return (await embargoing.store(request)).stored.sample.id

    early, late = new_account(), new_account()
    first = await store(early, "p-1")
    await embargoing.database.execute(END)
    await backfill.count_batch(embargoing.database)
    assert await size(first) == 1
    await store(late, "p-2")
    await backfill.count_batch(embargoing.database)
    assert await size(first) == 1
    await embargoing.database.execute(END)
    await backfill.count_batch(embargoing.database)
    assert await size(first) == 2


async def test_notifications_are_listed_after_the_embargo(embargoing: Backend) -> None:
    owner, follower = new_account(), new_account()
    subscription = Subscription(organism="human gut metagenome")
    await embargoing.notifications.AddSubscription(
        pb.AddSubscriptionRequest(principal=principal(follower), subscription=subscription)
    )

    async def notified() -> list[str]:
        request = pb.ListAccountNotificationsRequest(principal=principal(follower), page_size=50)
        answer = await embargoing.notifications.ListAccountNotifications(request)
        return [item.sample for item in answer.notifications]

    id = await embargoing.add(owner)
    await embargoing.notify(id)
    assert await notified() == []
    await embargoing.database.execute(END)
    assert await notified() == [id]
