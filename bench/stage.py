"""The stage: one constellation whose servers every variant uses."""

import secrets
import shutil
from collections import ChainMap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.collector import Collector, collecting
from deploy.local.constellation import Constellation
from deploy.local.database import in_database
from deploy.local.ports import Ports
from deploy.services import NAMES

SHARED = ("postgres", "rabbitmq")
DONORS = [f"HV{30_000 + number}" for number in range(100)]
"""The donors of the samples. All have consented."""
NO_LIMIT = {
    "FAIRDB_EDGE_RATE_LIMIT": "1000000",
    "FAIRDB_EDGE_CLIENT_RATE_LIMIT": "1000000",
    "FAIRDB_ACCOUNT_CALLS": "1000000",
}
"""Effectively disables the limits per client and account, because the load comes from one of each."""


@dataclass(frozen=True)
class Stage:
    """The environment of a variant. The services and the edge that start next get the variables in `settings`."""

    root: Path
    constellation: Constellation
    collector: Collector
    settings: dict[str, str]

    @property
    def superuser_url(self) -> str:
        """The URL of PostgreSQL's superuser."""
        return self.constellation.plan.superuser_url

    @property
    def broker_url(self) -> str:
        """The URL of RabbitMQ."""
        return self.constellation.plan.broker_admin_url

    def database_url(self, name: str) -> str:
        """Return the superuser's URL of another database."""
        return in_database(self.superuser_url, name)

    def set(self, *, tracing: bool, plain: bool = False) -> None:
        """Switch tracing, and mutual TLS unless `plain`, on or off for what starts later."""
        self.settings.clear()
        self.settings.update(self.collector.environment(tracing=tracing))
        if plain:
            self.settings["FAIRDB_TRANSPORT"] = "sidecar"

    def folder(self, name: str) -> Path:
        """Return the folder of a variant."""
        folder = self.root / "bench" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @asynccontextmanager
    async def connection(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        """Yield a superuser's connection to a database."""
        connection = await asyncpg.connect(self.database_url(database))
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def set_up(root: Path) -> AsyncIterator[Stage]:
    """Start a constellation on free ports in a new folder, with tracing; always end it."""
    async with collecting() as collector:
        settings = collector.environment(tracing=True)
        # Without an embargo, others see samples at once, and donors are counted at once, as in the peers.
        fixed = {name: {"FAIRDB_EMBARGO_SECONDS": "0", **NO_LIMIT} for name in NAMES} | {"edge_agent": NO_LIMIT}
        # A view, not a copy, because `set` changes the variables.
        extra = {name: ChainMap(settings, own) for name, own in fixed.items()}
        # Use a new folder each time: tables of an earlier run would slow this run down.
        folder = root / secrets.token_hex(4)
        async with Constellation(folder, Ports.free(), extra_env=extra) as constellation:
            yield Stage(constellation.layout.root, constellation, collector, settings)
    # After a failure, keep the folder for its logs.
    shutil.rmtree(folder)
