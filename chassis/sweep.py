"""Sweeping: forgetting rows that no longer count."""

import asyncio
from collections.abc import Sequence

from chassis.database import Database
from chassis.errors import ServiceUnavailable
from chassis.telemetry import log

_SWEEP_SECONDS = 600.0


async def keep_sweeping(database: Database, statements: Sequence[str]) -> None:
    """Run the statements every ten minutes, until cancelled."""
    await database.migrated()
    while True:
        try:
            for statement in statements:
                await database.execute(statement)
        except ServiceUnavailable as error:
            log.info("sweep_waits", error=type(error).__name__)
        await asyncio.sleep(_SWEEP_SECONDS)
