"""Notifications: followers learn that there is a sample. What they see of it is decided when they read it."""

from uuid import UUID

from uuid6 import uuid7

from backend_svc.subscriptions import match_key
from chassis import paging
from chassis.database import Connection, Database
from fairdb.samples.v1.notification_service_pb2 import ListNotificationsResponse
from fairdb.samples.v1.sample_pb2 import Sample

# One row an account, however many of its subscriptions match; nobody needs to be told of their own sample.
FOLLOWERS = """
SELECT DISTINCT account FROM subscription
WHERE account <> $1 AND ((kind = 'organism' AND match_key = $2) OR (kind = 'study' AND match_key = $3))
"""
ADD = """
INSERT INTO notification (id, account, sample)
SELECT id, account, $1 FROM unnest($2::uuid[], $3::uuid[]) AS given (id, account)
ON CONFLICT (account, sample) DO NOTHING
"""
LIST = """
SELECT id, sample, created_at FROM notification
WHERE account = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""


async def notify_followers(connection: Connection, sample: Sample) -> None:
    """Write a notification for each account, save the owner, that follows the sample's organism or study."""
    organism, study = match_key("organism", sample.organism), match_key("study", sample.study)
    rows = await connection.fetch(FOLLOWERS, UUID(sample.owner), organism, study)
    if rows:
        ids = [uuid7() for _ in rows]
        await connection.execute(ADD, UUID(sample.id), ids, [row["account"] for row in rows])


async def list_page(database: Database, account: UUID, page_size: int, page_token: str) -> ListNotificationsResponse:
    """Return a page of an account's notifications, newest first. Raises PageTokenInvalid."""
    query = f"notifications of {account}"
    rows = await database.pool.fetch(LIST, account, paging.read_token(page_token, query), page_size + 1)
    answer = ListNotificationsResponse()
    for row in rows[:page_size]:
        notification = answer.notifications.add(id=str(row["id"]), sample=str(row["sample"]))
        notification.create_time.FromDatetime(row["created_at"])
    if len(rows) > page_size:
        answer.next_page_token = paging.write_token(rows[page_size - 1]["id"], query)
    return answer
