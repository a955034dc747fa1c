"""Sweeping: forgetting rows that no longer count."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database
from chassis.telemetry import log

BATCH = 10_000
"""Rows that one statement deletes at most: a larger one could take longer than a statement is given."""
_SWEEP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Which rows of a table no longer count; there is an index that finds them."""

    table: str
    condition: str

    @property
    def statement(self) -> str:
        """Delete some of them and return how many."""
        chosen = f"SELECT ctid FROM {self.table} WHERE {self.condition} LIMIT {BATCH}"
        return (
            f"WITH gone AS (DELETE FROM {self.table} WHERE ctid = ANY (ARRAY({chosen})) RETURNING 1) "
            "SELECT count(*) FROM gone"
        )


async def keep_sweeping(database: Database, sweeps: Sequence[Sweep]) -> None:
    """Delete what no longer counts every ten minutes, until cancelled."""
    await database.migrated()
    while True:
        for sweep in sweeps:
            try:
                while await database.fetchval(sweep.statement) == BATCH:
                    pass
            except ServiceUnavailable as error:
                # The others are swept all the same.
                log.warning("sweep_waits", table=sweep.table, error=type(error).__name__)
        await asyncio.sleep(_SWEEP_SECONDS)
