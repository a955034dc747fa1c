"""Subscriptions: which organisms and studies an account follows."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from uuid6 import uuid7

from backend_svc.errors import SubscriptionNotFound
from chassis.database import Database
from chassis.errors import InvalidRequest, Violation
from fairdb.samples.v1.notification_service_pb2 import Subscription

# The update changes nothing; it makes the row that exists come back.
ADD = """
INSERT INTO subscription (id, account, kind, target, match_key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account, kind, match_key) DO UPDATE SET match_key = excluded.match_key
RETURNING id, kind, target, created_at
"""
LIST = "SELECT id, kind, target, created_at FROM subscription WHERE account = $1 ORDER BY id"
REMOVE = "DELETE FROM subscription WHERE account = $1 AND id = $2 RETURNING id"


def match_key(kind: str, target: str) -> str:
    """Return the form in which targets are compared: names of organisms without regard to case and spacing."""
    return " ".join(target.casefold().split()) if kind == "organism" else target.lower()


async def add(database: Database, account: UUID, subscription: Subscription) -> Subscription:
    """Add a subscription, or return the one that exists. Raises InvalidRequest."""
    kind = subscription.WhichOneof("target") or "organism"
    target: str = getattr(subscription, kind)
    if "\0" in target:
        raise InvalidRequest(violations=[Violation(f"subscription.{kind}", "must not hold the character NUL")])
    row = await database.pool.fetchrow(ADD, uuid7(), account, kind, target, match_key(kind, target))
    assert row is not None
    return _to_message(row)


async def list_of(database: Database, account: UUID) -> list[Subscription]:
    """Return an account's subscriptions, oldest first."""
    return [_to_message(row) for row in await database.pool.fetch(LIST, account)]


async def remove(database: Database, account: UUID, id: UUID) -> None:
    """Remove a subscription. Raises SubscriptionNotFound."""
    if await database.pool.fetchval(REMOVE, account, id) is None:
        raise SubscriptionNotFound


def _to_message(row: Mapping[str, Any]) -> Subscription:
    subscription = Subscription(id=str(row["id"]), **{row["kind"]: row["target"]})
    subscription.create_time.FromDatetime(row["created_at"])
    return subscription
