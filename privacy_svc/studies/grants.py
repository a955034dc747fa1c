"""Grants: what an account may see of the studies that it owns or is a member of."""

from collections.abc import Sequence
from uuid import UUID

from chassis.calling.coalescer import Coalescer
from chassis.storage.database import Database
from fairdatabase.policy.access.grants import study_grant
from fairdb.privacy.v1.field_class_pb2 import StudyGrant
from fairdb.privacy.v1.study_service_pb2 import STUDY_ROLE_OWNER

ROLES = f"""
SELECT owner AS account, id AS study, {STUDY_ROLE_OWNER} AS role, reader_k FROM study WHERE owner = ANY ($1::uuid[])
UNION ALL
SELECT account_id, study_id, role, reader_k FROM member JOIN study ON study.id = member.study_id
WHERE account_id = ANY ($1::uuid[])
"""


class StudyGrants:
    """Reads study grants. Concurrent calls share a query."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._coalescer = Coalescer(self._read_all)

    async def of(self, account: UUID) -> Sequence[StudyGrant]:
        """Return an account's grants, read after this call began."""
        return await self._coalescer.submit(account)

    async def _read_all(self, accounts: Sequence[UUID]) -> Sequence[Sequence[StudyGrant]]:
        grants: dict[UUID, list[StudyGrant]] = {account: [] for account in accounts}
        for row in await self._database.fetch(ROLES, [*grants]):
            grants[row["account"]].append(study_grant(str(row["study"]), row["role"], row["reader_k"]))
        return [grants[account] for account in accounts]
