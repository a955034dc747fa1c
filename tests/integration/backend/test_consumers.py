"""The consumers index and notify: each event takes effect once, no matter how often it arrives."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.struct_pb2 import NULL_VALUE

from fairdatabase.filters import language
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.samples.v1.notification_service_pb2 import ListNotificationsResponse, Subscription
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.backend.conftest import PUBLIC, SENSITIVE, STUDY, Backend, new_account, principal, store_request

SERVICE = "service:backend_svc"


async def follow(backend: Backend, account: str, **target: str) -> Subscription:
    request = pb.AddSubscriptionRequest(principal=principal(account), subscription=Subscription(**target))  # pyright: ignore[reportArgumentType]
    return await backend.notifications.AddSubscription(request)


async def notifications_of(
    backend: Backend, account: str, page_size: int = 200, page_token: str = "", studies: Sequence[str] = (STUDY,)
) -> ListNotificationsResponse:
    return await backend.notifications.ListAccountNotifications(
        pb.ListAccountNotificationsRequest(
            principal=principal(account), page_size=page_size, page_token=page_token, studies=studies
        )
    )


async def subscriptions(backend: Backend, account: str) -> list[Subscription]:
    request = pb.ListAccountSubscriptionsRequest(principal=principal(account))
    return list((await backend.notifications.ListAccountSubscriptions(request)).subscriptions)


async def test_each_value_is_indexed_by_its_kind_and_class(backend: Backend) -> None:
    request = store_request(new_account(), {"donor age": (34, SENSITIVE)})
    sample = request.stored.sample
    sample.subject, sample.taxon_id, sample.collection_date = "", 9606, "2019-06"
    values: dict[str, str | float | bool | None] = {
        "organism": "not the sample's",
        "a\\u0000.b": 'quoted "\\" ü',
        "empty": "",
        "long": "é" * 600,
        "true": True,
        "false": False,
        "tiny": 5e-324,
        "huge": 1.7e308,
        "exact": 2.0**53 - 1,
        "tenth": 0.1,
        "nothing": None,
    }
    for name, value in values.items():
        match value:
            case bool():
                sample.metadata[name].bool_value = value
            case str():
                sample.metadata[name].string_value = value
            case float():
                sample.metadata[name].number_value = value
            case _:
                sample.metadata[name].null_value = NULL_VALUE
    await backend.store(request)
    await backend.index(sample.id)

    query = "SELECT field, class, text_value, number_value FROM sample_field WHERE sample_id = $1"
    rows = {field: tuple(found) for field, *found in await backend.database.pool.fetch(query, UUID(sample.id))}
    written = {True: "true", False: "false"}
    expected: dict[str, tuple[int, str | None, float | None]] = {
        "organism": (PUBLIC, sample.organism, None),
        "taxonId": (PUBLIC, None, 9606.0),
        "collectionDate": (PUBLIC, "2019-06", None),
        "metadata.collection_date": (PUBLIC, "2019-06", None),
        "metadata.donor age": (SENSITIVE, None, 34.0),
    }
    for name, value in values.items():
        if isinstance(value, bool):
            expected[f"metadata.{name}"] = (PUBLIC, written[value], None)
        elif isinstance(value, str):
            expected[f"metadata.{name}"] = (PUBLIC, value[: language.LONGEST_TEXT + 1], None)
        elif value is not None:
            expected[f"metadata.{name}"] = (PUBLIC, None, value)
    assert rows == expected


async def test_sample_is_indexed_then_processed(backend: Backend) -> None:
    owner = new_account()
    id = await backend.add(owner)
    assert (await backend.get(id)).state == Sample.STATE_INDEXED
    await backend.notify(id)
    sample = await backend.get(id)
    assert (sample.state, sample.etag) == (Sample.STATE_PROCESSED, '"3"')
    assert [(event.sequence, event.type, event.actor) for event in await backend.events(id)] == [
        (1, "sample.created", owner),
        (2, "sample.validated", owner),
        (3, "sample.anonymized", owner),
        (4, "sample.indexed", SERVICE),
        (5, "sample.processed", SERVICE),
    ]
    assert await backend.actions(id) == [("store", owner), ("index", SERVICE), ("notify", SERVICE)]
    assert len({event.correlation_id for event in await backend.events(id)}) == 1
    assert len(await backend.outbox()) == 5


async def test_repeated_event_changes_nothing(backend: Backend) -> None:
    follower = new_account()
    await follow(backend, follower, organism="human gut metagenome")
    id = await backend.add(new_account())
    await asyncio.gather(*(backend.index(id) for _ in range(5)))
    await asyncio.gather(*(backend.notify(id) for _ in range(5)))
    await backend.index(id)
    assert [event.sequence for event in await backend.events(id)] == [1, 2, 3, 4, 5]
    assert (await backend.get(id)).state == Sample.STATE_PROCESSED
    assert len((await notifications_of(backend, follower)).notifications) == 1


async def test_longest_names_and_values_fit_into_the_index(backend: Backend) -> None:
    """PostgreSQL limits the size of an index entry. Incompressible text is the first to exceed the limit."""
    value = "".join(chr(0x10000 + (number * 7919) % 0xF0000) for number in range(5000))
    id = await backend.add(new_account(), {value[:128]: (value, PUBLIC)})
    assert (await backend.get(id)).state == Sample.STATE_INDEXED


async def test_followers_are_notified_once_and_the_owner_never(backend: Backend) -> None:
    owner, by_organism, by_study, by_both, other = (new_account() for _ in range(5))
    for account in (owner, by_organism, by_both):
        await follow(backend, account, organism="HUMAN gut Metagenome")
    for account in (owner, by_study, by_both):
        await follow(backend, account, study=STUDY)
    await follow(backend, other, organism="Escherichia coli")
    id = await backend.add(owner, organism="Human Gut metagenome")
    await backend.notify(id)
    for account in (by_organism, by_study, by_both):
        assert [item.sample for item in (await notifications_of(backend, account)).notifications] == [id]
    for account in (owner, other):
        assert not (await notifications_of(backend, account)).notifications


async def test_organism_that_is_not_public_notifies_only_followers_of_the_study(backend: Backend) -> None:
    by_organism, by_study = new_account(), new_account()
    await follow(backend, by_organism, organism="Hepatitis B virus")
    await follow(backend, by_study, study=STUDY)
    request = store_request(new_account(), organism="Hepatitis B virus")
    request.stored.classes["organism"] = SENSITIVE
    id = (await backend.store(request)).stored.sample.id
    await backend.index(id)
    await backend.notify(id)
    assert not (await notifications_of(backend, by_organism)).notifications
    assert [item.sample for item in (await notifications_of(backend, by_study)).notifications] == [id]


async def test_following_twice_is_one_subscription(backend: Backend) -> None:
    account = new_account()
    organism = [await follow(backend, account, organism=name) for name in ("E. coli", "e. COLI")]
    study = [await follow(backend, account, study=STUDY) for _ in range(2)]
    assert organism[0] == organism[1]
    assert study[0] == study[1]
    assert await subscriptions(backend, account) == [organism[0], study[0]]
    assert not await subscriptions(backend, new_account())


async def test_removed_subscription_notifies_nobody(backend: Backend) -> None:
    account = new_account()
    subscription = await follow(backend, account, organism="E. coli")

    async def remove(by: str) -> None:
        request = pb.RemoveSubscriptionRequest(principal=principal(by), id=subscription.id)
        await backend.notifications.RemoveSubscription(request)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await remove(new_account())
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    await remove(account)
    with pytest.raises(grpc.aio.AioRpcError):
        await remove(account)
    id = await backend.add(new_account(), organism="E. coli")
    await backend.notify(id)
    assert not (await notifications_of(backend, account)).notifications


@pytest.mark.parametrize("organism", ["a\0b", " "])
async def test_invalid_organism_is_rejected(backend: Backend, organism: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await follow(backend, new_account(), organism=organism)
    assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_notifications_tell_the_day_and_no_order(backend: Backend) -> None:
    account = new_account()
    await follow(backend, account, study=STUDY)
    ids: list[str] = []
    for _ in range(5):
        ids.append((await backend.store(store_request(new_account()))).stored.sample.id)
        await backend.index(ids[-1])
        await backend.notify(ids[-1])
    seen: list[str] = []
    token = ""
    for size in (2, 2, 1):
        page = await notifications_of(backend, account, 2, token)
        assert len(page.notifications) == size
        seen += [item.sample for item in page.notifications]
        token = page.next_page_token
    assert not token
    assert sorted(seen) == sorted(ids)
    notifications = (await notifications_of(backend, account)).notifications
    for item in notifications:
        assert (item.create_time.seconds % 86_400, item.create_time.nanos) == (0, 0)
        assert (UUID(item.id).int >> 80) // 1000 == item.create_time.seconds


async def test_page_token_of_another_account_is_rejected(backend: Backend) -> None:
    account = new_account()
    await follow(backend, account, study=STUDY)
    for _ in range(2):
        await backend.notify(await backend.add(new_account()))
    token = (await notifications_of(backend, account, 1)).next_page_token
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await notifications_of(backend, new_account(), 1, token)
    assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_sample_behind_a_barrier_stays_in_its_state(backend: Backend) -> None:
    owner, follower, consent = new_account(), new_account(), str(uuid4())
    await follow(backend, follower, study=STUDY)
    id = await backend.add(owner, consents=[consent])
    # Insert only the barrier: a withdrawal of thousands of samples inserts it first and quarantines them later.
    await backend.database.execute("INSERT INTO barrier (consent, actor) VALUES ($1::uuid, $2)", consent, owner)
    await backend.notify(id)
    assert len(await backend.events(id)) == 4
    assert not (await notifications_of(backend, follower)).notifications
