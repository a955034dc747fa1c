"""The stored members: which accounts have which role in a study."""

from uuid import UUID

import asyncpg

from chassis.storage.database import Database
from fairdb.privacy.v1.study_service_pb2 import Member, StudyRole
from privacy_svc.studies.errors import MemberNotFound, StudyFull

MEMBER_LIMIT = 1000
"""Maximum number of members of a study."""
MEMBERSHIP_LIMIT = 1000
"""Maximum number of studies that an account may be a member of: the account's grants list all of them."""

# Concurrent calls must count each other's members, so each call first locks the study's row.
LOCK_STUDY = "SELECT FROM study WHERE id = $1 FOR UPDATE"
SET = """
INSERT INTO member (study_id, account_id, role)
SELECT $1, $2, $3
WHERE (SELECT count(*) FROM member WHERE study_id = $1 AND account_id <> $2) < $4
  AND (SELECT count(*) FROM member WHERE account_id = $2 AND study_id <> $1) < $5
ON CONFLICT (study_id, account_id) DO UPDATE SET role = excluded.role, updated_at = now()
RETURNING *
"""
LIST = "SELECT * FROM member WHERE study_id = $1 ORDER BY account_id"
REMOVE = "DELETE FROM member WHERE study_id = $1 AND account_id = $2 RETURNING account_id"


class Members:
    """Reads and writes the members of studies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_role(self, study: UUID, account: UUID, role: StudyRole.ValueType) -> Member:
        """Make an account a member of a study, or change its role. Raises StudyFull."""
        async with self._database.transaction() as connection:
            await connection.execute(LOCK_STUDY, study)
            row = await connection.fetchrow(SET, study, account, role, MEMBER_LIMIT, MEMBERSHIP_LIMIT)
        if row is None:
            raise StudyFull
        return _to_member(row)

    async def list_by_account(self, study: UUID) -> list[Member]:
        """Return a study's members, sorted by account."""
        return [_to_member(row) for row in await self._database.fetch(LIST, study)]

    async def remove(self, study: UUID, account: UUID) -> None:
        """End a membership. Raises MemberNotFound."""
        if await self._database.fetchval(REMOVE, study, account) is None:
            raise MemberNotFound


def _to_member(row: asyncpg.Record) -> Member:
    member = Member(account=str(row["account_id"]), role=row["role"])
    member.update_time.FromDatetime(row["updated_at"])
    return member
