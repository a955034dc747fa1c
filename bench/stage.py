"""The stage: one constellation whose servers every variant uses, and what they all need of them."""

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.collector import Collector, collecting
from deploy.local.constellation import Constellation
from deploy.local.credentials import SERVICES
from deploy.local.ports import Ports

SHARED = ("postgres", "rabbitmq")
DONORS = [f"HV{30_000 + number}" for number in range(100)]
"""The donors of the samples that are sent; each has consented."""
NO_LIMIT = {"FAIRDB_EDGE_RATE_LIMIT": "1000000"}
"""What is measured is not how well the edge refuses; the same in every variant with Envoy."""


@dataclass(frozen=True)
class Stage:
    """What a variant is given. `tracing` is the environment of the services that they are next started with."""

    root: Path
    constellation: Constellation
    collector: Collector
    tracing: dict[str, str]

    @property
    def superuser_url(self) -> str:
        """The URL of PostgreSQL's superuser."""
        return self.constellation.plan.superuser_url

    @property
    def broker_url(self) -> str:
        """The URL of RabbitMQ."""
        return self.constellation.plan.urls.broker

    def database_url(self, name: str) -> str:
        """Return the superuser's URL of another database."""
        return urlsplit(self.superuser_url)._replace(path=f"/{name}").geturl()

    def trace(self, *, tracing: bool) -> None:
        """Decide how the services are next started."""
        self.tracing.clear()
        self.tracing.update(self.collector.environment(tracing=tracing))

    def folder(self, name: str) -> Path:
        """Return a folder of a variant's own."""
        folder = self.root / "bench" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @asynccontextmanager
    async def connection(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        """Give a superuser's connection to a database."""
        connection = await asyncpg.connect(self.database_url(database), ssl=False)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def set_up(root: Path) -> AsyncIterator[Stage]:
    """Start a constellation on free ports in a fresh folder, with tracing; end it whatever happens."""
    async with collecting() as collector:
        tracing = collector.environment(tracing=True)
        extra = dict.fromkeys(SERVICES, tracing) | {"edge_agent": NO_LIMIT}
        # A folder of its own each time: tables that have grown in an earlier run would make this one slower.
        folder = root / secrets.token_hex(4)
        async with Constellation(folder, Ports.free(), extra_env=extra) as constellation:
            yield Stage(constellation.layout.root, constellation, collector, tracing)
    # Kept when something went wrong: its logs are there.
    shutil.rmtree(folder)
