"""Real PostgreSQL and Redis for all tests in this folder; each test gets a database of its own.

A service's migrations run once, in a template database. `new_database` clones the template.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from chassis.identity.revocation import COMPLETE_KEY, FRESH_KEY, connect_redis
from chassis.storage.database import MIGRATIONS, migrate
from deploy.local import database
from deploy.local.constellation import Constellation
from deploy.local.plan import Plan
from deploy.local.ports import Ports
from tests.edge_rig import Edge, Upstream, edge_running, upstream_running

NOWHERE = "127.0.0.1:1"
"""An address at which nothing listens."""

NewDatabase = Callable[[str], Awaitable[str]]
"""Creates a database with the schema of the named service. Returns the URL with which the service's role opens it."""


@dataclass
class Servers:
    """PostgreSQL and Redis, with the keys of every service."""

    plan: Plan
    admin: asyncpg.Connection
    templates: dict[str, str] = field(default_factory=dict[str, str])

    def settings(self, service: str, database_url: str) -> dict[str, Any]:
        """Return a service's settings: any free port, an unreachable broker and registry."""
        return {
            "port": 0,
            "metrics_port": 0,
            "database_url": database_url,
            "redis_url": self.plan.urls.redis[service],
            "broker_url": f"amqp://{NOWHERE}/",
            "consul_url": f"http://{NOWHERE}",
            "signing_key_file": self.plan.credentials.signing_key(service),
            "trust_dir": self.plan.layout.trust,
            "certificate_dir": self.plan.credentials.authority.folder(service),
            "drain_seconds": 0,
        }

    async def template(self, service: str) -> str:
        """Return the name of a database in which the service's migrations have run."""
        if service not in self.templates:
            name = f"template_{service}"
            await self.admin.execute(f"CREATE DATABASE {name}")
            await database.create_roles(self.url(name), {service: self.plan.credentials.password(service)})
            connection = await asyncpg.connect(self.url(name, service))
            try:
                async with connection.transaction():
                    folder = Path(import_module(service).__path__[0]) / "migrations"
                    await migrate(connection, [MIGRATIONS, folder])
            finally:
                await connection.close()
            self.templates[service] = name
        return self.templates[service]

    def url(self, name: str, service: str | None = None) -> str:
        """Return the URL of a database, for a service's role or for the administrator."""
        url = database.in_database(self.plan.superuser_url, name)
        return database.role_url(url, service, self.plan.credentials.password(service)) if service else url


@pytest_asyncio.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    root = tmp_path_factory.mktemp("servers")
    async with Constellation(root, Ports.free(), components=("postgres", "redis")) as constellation:
        async with connect_redis(constellation.plan.redis_admin_url) as redis:
            # Mark the empty revocation list as complete and fresh, so that services do not ask auth_svc, which does not
            # run.
            await redis.mset({COMPLETE_KEY: 1, FRESH_KEY: 1})
        admin = await asyncpg.connect(constellation.plan.superuser_url)
        try:
            yield Servers(constellation.plan, admin)
        finally:
            await admin.close()


@pytest_asyncio.fixture
async def new_database(servers: Servers) -> AsyncIterator[NewDatabase]:
    """Yield a function that clones a service's template. The clones are dropped when the test ends."""
    clones: list[str] = []

    async def clone(service: str) -> str:
        name = f"test_{uuid4().hex}"
        await servers.admin.execute(f"CREATE DATABASE {name} TEMPLATE {await servers.template(service)}")
        clones.append(name)
        return servers.url(name, service)

    yield clone
    for name in clones:
        await servers.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    async with upstream_running() as running:
        yield running


@pytest.fixture(scope="module")
async def edge(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Edge]:
    """Run an edge in front of the fake services. It trusts the module's `ISSUER`."""
    async with edge_running(
        tmp_path_factory.mktemp("edge"), [upstream.address], [request.module.ISSUER.jwk()]
    ) as running:
        yield running
