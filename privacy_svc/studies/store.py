"""Studies at rest: whose they are, who has a part in them, and the default one that every account has."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from chassis.calling.coalescer import Coalescer
from chassis.storage import paging
from chassis.storage.database import Database
from fairdatabase.policy import permissions
from fairdb.privacy.v1.field_class_pb2 import StudyGrant
from fairdb.privacy.v1.study_service_pb2 import (
    STUDY_ROLE_CURATOR,
    STUDY_ROLE_OWNER,
    STUDY_ROLE_UNSPECIFIED,
    ListStudiesResponse,
    Member,
    Study,
    StudyRole,
)
from privacy_svc.errors import MemberNotFound, StudyFull, StudyNotFound, TooManyStudies

MOST_MEMBERS = 1000
MOST_STUDIES = 1000
"""That an account owns, and also that it is a member of: all of them travel in its grants."""
_CACHED = 10_000

DEFAULT = """
WITH made AS (
    INSERT INTO study (id, owner, is_default) VALUES ($1, $2, true) ON CONFLICT (owner) WHERE is_default DO NOTHING
    RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM study WHERE owner = $2 AND is_default
"""
CREATE = f"""
INSERT INTO study (id, owner, title, is_default)
SELECT $1, $2, $3, false WHERE (SELECT count(*) FROM study WHERE owner = $2) < $4
RETURNING *, {STUDY_ROLE_OWNER} AS role
"""
# The role of an account ($1) in a study, 0 for none.
ROLE = f"CASE WHEN study.owner = $1 THEN {STUDY_ROLE_OWNER} ELSE coalesce(member.role, 0) END"
JOINED = "study LEFT JOIN member ON member.study_id = study.id AND member.account_id = $1"
GET = f"SELECT study.*, {ROLE} AS role FROM {JOINED} WHERE study.id = $2"
LIST = f"""
SELECT study.*, {ROLE} AS role FROM {JOINED}
WHERE ($2 OR study.id IN (
        SELECT id FROM study WHERE owner = $1 UNION ALL SELECT study_id FROM member WHERE account_id = $1
    ))
  AND ($3::uuid IS NULL OR study.id < $3)
ORDER BY study.id DESC LIMIT $4
"""
ROLES = f"""
SELECT owner AS account, id AS study, {STUDY_ROLE_OWNER} AS role FROM study WHERE owner = ANY ($1::uuid[])
UNION ALL SELECT account_id, study_id, role FROM member WHERE account_id = ANY ($1::uuid[])
"""
# The study's row is locked, so that two members who are added at once are both counted.
LOCK = "SELECT FROM study WHERE id = $1 FOR UPDATE"
SET_MEMBER = """
INSERT INTO member (study_id, account_id, role)
SELECT $1, $2, $3
WHERE (SELECT count(*) FROM member WHERE study_id = $1 AND account_id <> $2) < $4
  AND (SELECT count(*) FROM member WHERE account_id = $2 AND study_id <> $1) < $5
ON CONFLICT (study_id, account_id) DO UPDATE SET role = excluded.role, updated_at = now()
RETURNING *
"""
MEMBERS = "SELECT * FROM member WHERE study_id = $1 ORDER BY account_id"
REMOVE_MEMBER = "DELETE FROM member WHERE study_id = $1 AND account_id = $2 RETURNING account_id"


class Studies:
    """Studies and memberships. Remembers default studies, which never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._defaults: OrderedDict[UUID, UUID] = OrderedDict()
        self._grants = Coalescer(self._grants_of_all)

    def knows_default_of(self, owner: UUID) -> bool:
        """Tell whether an account's default study is known here to have been made."""
        return owner in self._defaults

    async def default_of(self, owner: UUID) -> UUID:
        """Return an account's default study, made at first use."""
        study = self._defaults.get(owner)
        if study is None:
            # Two at once: the loser's statement does not see the winner's row, the next one does.
            while study is None:
                study = await self._database.fetchval(DEFAULT, uuid7(), owner)
            self._defaults[owner] = study
            if len(self._defaults) > _CACHED:
                self._defaults.popitem(last=False)
        return study

    async def create(self, owner: UUID, title: str) -> Study:
        """Make a study. Raises TooManyStudies."""
        row = await self._database.fetchrow(CREATE, uuid7(), owner, title, MOST_STUDIES)
        if row is None:
            raise TooManyStudies
        return _to_study(row)

    async def get(self, account: UUID, study: UUID, *, at_least: StudyRole.ValueType, everybody: bool = False) -> Study:
        """Return a study as an account sees it. Raises StudyNotFound to whom has not that part in it."""
        row = await self._database.fetchrow(GET, account, study)
        if row is None or not (everybody or row["role"] >= at_least):
            raise StudyNotFound
        return _to_study(row)

    async def check_writable(self, study: UUID, account: UUID) -> None:
        """Raise StudyNotFound unless the account may add samples to the study."""
        await self.get(account, study, at_least=STUDY_ROLE_CURATOR)

    async def list_page(self, account: UUID, size: int, token: str, *, everybody: bool) -> ListStudiesResponse:
        """Return a page of an account's studies, or of everybody's. Raises PageTokenInvalid."""
        query = f"studies {account} {everybody}"
        rows = await self._database.fetch(LIST, account, everybody, paging.read_token(token, query), size + 1)
        page = ListStudiesResponse(studies=[_to_study(row) for row in rows[:size]])
        if len(rows) > size:
            page.next_page_token = paging.write_token(rows[size - 1]["id"], query)
        return page

    async def grants_of(self, account: UUID) -> Sequence[StudyGrant]:
        """Return what an account may see of the studies that it has a part in, as it is after this call began."""
        return await self._grants.submit(account)

    async def _grants_of_all(self, accounts: Sequence[UUID]) -> Sequence[Sequence[StudyGrant]]:
        grants: dict[UUID, list[StudyGrant]] = {account: [] for account in accounts}
        for row in await self._database.fetch(ROLES, [*grants]):
            grants[row["account"]].append(permissions.study_grant(str(row["study"]), row["role"]))
        return [grants[account] for account in accounts]

    async def set_member(self, study: UUID, account: UUID, role: StudyRole.ValueType) -> Member:
        """Make an account a member, or change its role. Raises StudyFull."""
        async with self._database.transaction() as connection:
            await connection.execute(LOCK, study)
            row = await connection.fetchrow(SET_MEMBER, study, account, role, MOST_MEMBERS, MOST_STUDIES)
        if row is None:
            raise StudyFull
        return _to_member(row)

    async def members(self, study: UUID) -> list[Member]:
        """Return a study's members by account."""
        return [_to_member(row) for row in await self._database.fetch(MEMBERS, study)]

    async def remove_member(self, study: UUID, account: UUID) -> None:
        """End a membership. Raises MemberNotFound."""
        if await self._database.fetchval(REMOVE_MEMBER, study, account) is None:
            raise MemberNotFound


def _to_study(row: asyncpg.Record) -> Study:
    study = Study(
        id=str(row["id"]),
        title=row["title"],
        owner=str(row["owner"]),
        is_default=row["is_default"],
        role=row["role"] or STUDY_ROLE_UNSPECIFIED,
    )
    study.create_time.FromDatetime(row["created_at"])
    return study


def _to_member(row: asyncpg.Record) -> Member:
    member = Member(account=str(row["account_id"]), role=row["role"])
    member.update_time.FromDatetime(row["updated_at"])
    return member
