"""Subscriptions of researchers, and the durable rows that notify them of new samples."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from backend_svc.embargo import EMBARGOED
from backend_svc.notifications.errors import SubscriptionNotFound
from chassis.errors import InvalidRequest
from chassis.storage import daily_ids, paging
from chassis.storage.database import Connection, Database
from fairdatabase.policy.access.times import cut_to_day
from fairdatabase.violations import Violation
from fairdb.backend.v1.backend_service_pb2 import ListAccountNotificationsRequest
from fairdb.samples.v1.notification_service_pb2 import ListNotificationsResponse, Notification, Subscription

ADD = """
INSERT INTO subscription (id, account, organism, organism_key, study) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account, organism_key, study) DO UPDATE SET account = excluded.account RETURNING *
"""
LIST_SUBSCRIPTIONS = "SELECT * FROM subscription WHERE account = $1 ORDER BY id LIMIT 1000"
REMOVE = "DELETE FROM subscription WHERE account = $1 AND id = $2 RETURNING id"
FOLLOWERS = """
WITH new AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[]) AS new (sample_id, organism, study, owner)
)
SELECT sample_id, account, NULL::uuid AS study
FROM new JOIN subscription ON organism_key = new.organism AND account <> owner
UNION SELECT sample_id, account, study FROM new JOIN subscription USING (study) WHERE account <> owner
ORDER BY study NULLS FIRST
"""
NOTIFY = """
INSERT INTO notification (id, account, sample_id, study)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) ON CONFLICT (account, sample_id) DO NOTHING
"""
# $4 and $5: the studies that the account may read, and whether it may read all.
LIST = f"""
SELECT notification.* FROM notification JOIN sample ON sample.id = sample_id
WHERE account = $1 AND ($2::uuid IS NULL OR notification.id < $2) AND NOT {EMBARGOED}
  AND (notification.study IS NULL OR notification.study = ANY ($4::uuid[]) OR $5)
ORDER BY notification.id DESC LIMIT $3
"""


async def add(database: Database, account: UUID, subscription: Subscription) -> Subscription:
    """Follow an organism or a study; a repeat changes nothing. Raises InvalidRequest."""
    organism = subscription.organism.strip() or None
    study = UUID(subscription.study) if subscription.study else None
    if organism is None and study is None:
        raise InvalidRequest(violations=[Violation("subscription.organism", "must be a name")])
    row = await database.fetchrow(ADD, uuid7(), account, organism, organism and organism.lower(), study)
    assert row is not None  # noqa: S101 - the statement returns the row that it adds, or the one in its way
    return _to_subscription(row)


async def list_subscriptions(database: Database, account: UUID) -> list[Subscription]:
    """Return an account's subscriptions, oldest first."""
    return [_to_subscription(row) for row in await database.fetch(LIST_SUBSCRIPTIONS, account)]


async def remove(database: Database, account: UUID, subscription_id: UUID) -> None:
    """End a subscription. Raises SubscriptionNotFound."""
    if await database.fetchval(REMOVE, account, subscription_id) is None:
        raise SubscriptionNotFound


async def notify_followers(connection: Connection, samples: Sequence[asyncpg.Record]) -> None:
    """Write a row for each sample and each account that follows its organism or study, except the owner.

    An organism that is not public reveals an infection, so nobody is told that a sample has it.
    """
    found = await connection.fetch(
        FOLLOWERS,
        [row["id"] for row in samples],
        [row["organism"].lower() if row["is_organism_public"] else None for row in samples],
        [row["study"] for row in samples],
        [row["owner"] for row in samples],
    )
    # An account that follows organism and study is notified for the organism, which everybody may follow.
    studies = {(row["account"], row["sample_id"]): row["study"] for row in reversed(found)}
    if studies:
        accounts, sample_ids = zip(*studies, strict=True)
        ids = [daily_ids.new_id() for _ in studies]
        await connection.execute(NOTIFY, ids, accounts, sample_ids, [*studies.values()])


async def list_notifications(database: Database, request: ListAccountNotificationsRequest) -> ListNotificationsResponse:
    """Return a page of an account's notifications, those of the newest day first. Raises PageTokenInvalid."""
    account, page_size = UUID(request.principal.user_id), request.page_size
    query = f"notifications {account}"
    after = paging.read_token(request.page_token, query)
    studies = [UUID(study) for study in request.studies]
    rows = await database.fetch(LIST, account, after, page_size + 1, studies, request.oversees)
    page = ListNotificationsResponse(notifications=[_to_notification(row) for row in rows[:page_size]])
    if len(rows) > page_size:
        page.next_page_token = paging.write_token(rows[page_size - 1]["id"], query)
    return page


def _to_subscription(row: asyncpg.Record) -> Subscription:
    subscription = Subscription(id=str(row["id"]))
    if row["study"] is not None:
        subscription.study = str(row["study"])
    else:
        subscription.organism = row["organism"]
    subscription.create_time.FromDatetime(row["created_at"])
    return subscription


def _to_notification(row: asyncpg.Record) -> Notification:
    notification = Notification(id=str(row["id"]), sample=str(row["sample_id"]))
    notification.create_time.FromDatetime(row["created_at"])
    cut_to_day(notification.create_time)
    return notification
