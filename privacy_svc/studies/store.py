"""The stored studies: create, find, list, and the default study of every account."""

from collections import OrderedDict
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from chassis.storage import paging
from chassis.storage.database import Database
from fairdb.privacy.v1.study_service_pb2 import (
    STUDY_ROLE_CURATOR,
    STUDY_ROLE_OWNER,
    STUDY_ROLE_UNSPECIFIED,
    ListStudiesResponse,
    Study,
    StudyRole,
)
from privacy_svc.studies.errors import StudyNotFound, TooManyStudies

STUDY_LIMIT = 1000
"""Maximum number of studies that an account may own."""
_CACHED_DEFAULTS = 10_000

DEFAULT = """
WITH created AS (
    INSERT INTO study (id, owner, is_default) VALUES ($1, $2, true) ON CONFLICT (owner) WHERE is_default DO NOTHING
    RETURNING id
)
SELECT id FROM created UNION ALL SELECT id FROM study WHERE owner = $2 AND is_default
"""
CREATE = f"""
INSERT INTO study (id, owner, title, reader_k, is_default)
SELECT $1, $2, $3, $5, false WHERE (SELECT count(*) FROM study WHERE owner = $2) < $4
RETURNING *, {STUDY_ROLE_OWNER} AS role
"""
UPDATE = f"""
UPDATE study SET title = coalesce($3, title), reader_k = coalesce($4, reader_k) WHERE owner = $1 AND id = $2
RETURNING *, {STUDY_ROLE_OWNER} AS role
"""
# The role of an account ($1) in a study, 0 for none.
_ROLE = f"CASE WHEN study.owner = $1 THEN {STUDY_ROLE_OWNER} ELSE coalesce(member.role, 0) END"
_WITH_MEMBER = "study LEFT JOIN member ON member.study_id = study.id AND member.account_id = $1"
GET = f"SELECT study.*, {_ROLE} AS role FROM {_WITH_MEMBER} WHERE study.id = $2"
LIST = f"""
SELECT study.*, {_ROLE} AS role FROM {_WITH_MEMBER}
WHERE ($2 OR study.id IN (
        SELECT id FROM study WHERE owner = $1 UNION ALL SELECT study_id FROM member WHERE account_id = $1
    ))
  AND ($3::uuid IS NULL OR study.id < $3)
ORDER BY study.id DESC LIMIT $4
"""


class Studies:
    """Reads and writes studies. Caches default studies, which never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._defaults: OrderedDict[UUID, UUID] = OrderedDict()

    def has_cached_default(self, owner: UUID) -> bool:
        """Return whether this process knows that an account's default study exists."""
        return owner in self._defaults

    async def default_of(self, owner: UUID) -> UUID:
        """Return an account's default study. The first call creates it."""
        study = self._defaults.get(owner)
        if study is None:
            # If a concurrent call is creating the study, DEFAULT neither inserts the row nor sees it yet: repeat.
            while study is None:
                study = await self._database.fetchval(DEFAULT, uuid7(), owner)
            self._defaults[owner] = study
            if len(self._defaults) > _CACHED_DEFAULTS:
                self._defaults.popitem(last=False)
        return study

    async def create(self, owner: UUID, title: str, reader_k: int) -> Study:
        """Create a study. Raises TooManyStudies."""
        row = await self._database.fetchrow(CREATE, uuid7(), owner, title, STUDY_LIMIT, reader_k)
        if row is None:
            raise TooManyStudies
        return _to_study(row)

    async def update(self, owner: UUID, study: UUID, title: str | None, reader_k: int | None) -> Study:
        """Change what is not None. Raises StudyNotFound unless the account owns the study."""
        row = await self._database.fetchrow(UPDATE, owner, study, title, reader_k)
        if row is None:
            raise StudyNotFound
        return _to_study(row)

    async def get(
        self, account: UUID, study: UUID, *, at_least: StudyRole.ValueType, any_account: bool = False
    ) -> Study:
        """Return a study as an account sees it. Raises StudyNotFound unless the account has at least this role.

        `any_account`: the account is a steward, who needs no role.
        """
        row = await self._database.fetchrow(GET, account, study)
        if row is None or not (any_account or row["role"] >= at_least):
            raise StudyNotFound
        return _to_study(row)

    async def check_writable(self, study: UUID, account: UUID) -> None:
        """Raise StudyNotFound unless the account may add samples to the study."""
        await self.get(account, study, at_least=STUDY_ROLE_CURATOR)

    async def list_page(self, account: UUID, size: int, token: str, *, any_account: bool) -> ListStudiesResponse:
        """Return a page of an account's studies, or of all studies with `any_account`. Raises PageTokenInvalid."""
        query = f"studies {account} {any_account}"
        rows = await self._database.fetch(LIST, account, any_account, paging.read_token(token, query), size + 1)
        page = ListStudiesResponse(studies=[_to_study(row) for row in rows[:size]])
        if len(rows) > size:
            page.next_page_token = paging.write_token(rows[size - 1]["id"], query)
        return page


def _to_study(row: asyncpg.Record) -> Study:
    study = Study(
        id=str(row["id"]),
        title=row["title"],
        owner=str(row["owner"]),
        is_default=row["is_default"],
        role=row["role"] or STUDY_ROLE_UNSPECIFIED,
        reader_k=row["reader_k"],
    )
    study.create_time.FromDatetime(row["created_at"])
    return study
