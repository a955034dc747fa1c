"""What researchers follow, and the durable rows that tell them of new samples."""

from uuid import UUID

import asyncpg
from uuid6 import uuid7

from backend_svc.errors import SubscriptionNotFound
from chassis import paging
from chassis.database import Connection, Database
from chassis.errors import InvalidRequest
from chassis.violations import Violation
from fairdb.samples.v1.notification_service_pb2 import ListNotificationsResponse, Notification, Subscription

ADD = """
INSERT INTO subscription (id, account, organism, organism_key, study) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account, organism_key, study) DO UPDATE SET account = excluded.account RETURNING *
"""
LIST_SUBSCRIPTIONS = "SELECT * FROM subscription WHERE account = $1 ORDER BY id LIMIT 1000"
REMOVE = "DELETE FROM subscription WHERE account = $1 AND id = $2 RETURNING id"
FOLLOWERS = """
SELECT account FROM subscription WHERE organism_key = $1 AND account <> $3
UNION SELECT account FROM subscription WHERE study = $2 AND account <> $3
"""
NOTIFY = """
INSERT INTO notification (id, account, sample_id) SELECT new.id, new.account, $3
FROM unnest($1::uuid[], $2::uuid[]) AS new (id, account) ON CONFLICT (account, sample_id) DO NOTHING
"""
LIST = """
SELECT * FROM notification WHERE account = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
"""


async def add(database: Database, account: UUID, subscription: Subscription) -> Subscription:
    """Follow an organism or a study; following it again changes nothing. Raises InvalidRequest."""
    organism = subscription.organism.strip() or None
    study = UUID(subscription.study) if subscription.study else None
    if organism is None and study is None:
        raise InvalidRequest(violations=[Violation("subscription.organism", "must be a name")])
    row = await database.fetchrow(ADD, uuid7(), account, organism, organism and organism.lower(), study)
    return _to_subscription(row)


async def list_subscriptions(database: Database, account: UUID) -> list[Subscription]:
    """Return an account's subscriptions, oldest first."""
    return [_to_subscription(row) for row in await database.fetch(LIST_SUBSCRIPTIONS, account)]


async def remove(database: Database, account: UUID, subscription_id: UUID) -> None:
    """End a subscription. Raises SubscriptionNotFound."""
    if await database.fetchval(REMOVE, account, subscription_id) is None:
        raise SubscriptionNotFound


async def notify_followers(connection: Connection, sample_id: UUID, organism: str, study: UUID, owner: UUID) -> None:
    """Write one row for each account, other than the owner, that follows the organism or the study."""
    accounts = [row["account"] for row in await connection.fetch(FOLLOWERS, organism.lower(), study, owner)]
    if accounts:
        await connection.execute(NOTIFY, [uuid7() for _ in accounts], accounts, sample_id)


async def list_notifications(
    database: Database, account: UUID, page_size: int, page_token: str
) -> ListNotificationsResponse:
    """Return a page of an account's notifications, newest first. Raises PageTokenInvalid."""
    query = f"notifications {account}"
    rows = await database.fetch(LIST, account, paging.read_token(page_token, query), page_size + 1)
    page = ListNotificationsResponse(notifications=[_to_notification(row) for row in rows[:page_size]])
    if len(rows) > page_size:
        page.next_page_token = paging.write_token(rows[page_size - 1]["id"], query)
    return page


def _to_subscription(row: asyncpg.Record | None) -> Subscription:
    assert row is not None
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
    return notification
