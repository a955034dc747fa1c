"""Studies: whose they are, and the default one that every account has."""

from collections import OrderedDict
from uuid import UUID

from uuid6 import uuid7

from chassis.database import Database
from privacy_svc.errors import StudyNotFound

_CACHED = 10_000

DEFAULT = """
WITH made AS (
    INSERT INTO study (id, owner, is_default) VALUES ($1, $2, true) ON CONFLICT (owner) WHERE is_default DO NOTHING
    RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM study WHERE owner = $2 AND is_default
"""
OWNER = "SELECT owner FROM study WHERE id = $1"


class Studies:
    """Remembers default studies, which never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._defaults: OrderedDict[UUID, UUID] = OrderedDict()

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

    async def check_writable(self, study: UUID, account: UUID) -> None:
        """Raise StudyNotFound unless the account may add samples to the study."""
        if await self._database.fetchval(OWNER, study) != account:
            raise StudyNotFound
