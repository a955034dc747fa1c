"""Deletes expired rows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database

log = structlog.get_logger()

BATCH = 10_000
"""Rows that one statement deletes at most; more could exceed the statement timeout."""
_SWEEP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """The expired rows of a table. An index must support the condition."""

    table: str
    condition: str

    @property
    def statement(self) -> str:
        """SQL that deletes one batch and returns its size."""
        chosen = f"SELECT ctid FROM {self.table} WHERE {self.condition} LIMIT {BATCH}"
        return (
            f"WITH gone AS (DELETE FROM {self.table} WHERE ctid = ANY (ARRAY({chosen})) RETURNING 1) "
            "SELECT count(*) FROM gone"
        )


async def keep_sweeping(database: Database, sweeps: Sequence[Sweep]) -> None:
    """Delete expired rows every ten minutes, until cancelled."""
    await database.migrated()
    while True:
        for sweep in sweeps:
            try:
                while await database.fetchval(sweep.statement) == BATCH:
                    pass
            except ServiceUnavailable as error:
                # Continue with the other tables.
                log.warning("sweep_waits", table=sweep.table, error=type(error).__name__)
        await asyncio.sleep(_SWEEP_SECONDS)
