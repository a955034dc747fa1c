"""What a constellation consists of: which servers are ours and which are given, their URLs, every part as a value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.local import database
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.part import Part
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.servers.consul import Consul
from deploy.local.servers.envoy import Envoy
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.rabbitmq import RabbitMQ
from deploy.local.servers.redis import Redis
from deploy.local.services import EdgeAgent, ServicePart, Urls
from deploy.services import NAMES, SERVICES

SERVERS = ("postgres", "redis", "rabbitmq", "consul")
PARTS = (*SERVERS, *NAMES, "edge_agent", "envoy")


@dataclass(frozen=True)
class External:
    """Servers that somebody else runs. For each URL given nothing is started.

    `database_url` is an administrator's: the services' roles and schemas are made in the database it names.
    """

    database_url: str | None = None
    redis_url: str | None = None
    broker_url: str | None = None
    consul_url: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Read FAIRDB_DATABASE_URL, _REDIS_URL, _BROKER_URL and _CONSUL_URL; empty means not given."""
        names = ("FAIRDB_DATABASE_URL", "FAIRDB_REDIS_URL", "FAIRDB_BROKER_URL", "FAIRDB_CONSUL_URL")
        return cls(*(os.environ.get(name) or None for name in names))

    def given(self) -> dict[str, str]:
        """Map the name of each server that is given to its URL."""
        urls = (self.database_url, self.redis_url, self.broker_url, self.consul_url)
        return {name: url for name, url in zip(SERVERS, urls, strict=True) if url is not None}


@dataclass(frozen=True)
class Plan:
    """The parts to start, with everything they need to know of each other decided beforehand."""

    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    external: External
    urls: Urls
    parts: Mapping[str, Part]

    @classmethod
    def make(
        cls,
        root: Path,
        ports: Ports,
        external: External,
        wanted: frozenset[str],
        extra_env: Mapping[str, Mapping[str, str]],
    ) -> Self:
        layout = Layout(root)
        layout.create()
        credentials = Credentials(layout)
        postgres = Postgres(layout, credentials, ports)
        redis = Redis(layout, credentials, ports)
        rabbitmq = RabbitMQ(layout, credentials, ports)
        consul = Consul(layout, ports)
        given = external.given()
        admin = external.database_url or database.in_database(postgres.url)
        urls = Urls(
            {service: database.role_url(admin, service, credentials.password(service)) for service in NAMES},
            given.get("redis", redis.url),
            given.get("rabbitmq", rabbitmq.url),
            given.get("consul", consul.url),
        )
        everything: list[Part] = [postgres, redis, rabbitmq, consul]
        everything += [
            ServicePart(service, layout, credentials, ports, urls, extra_env.get(service.name, {}))
            for service in SERVICES
        ]
        everything += [
            EdgeAgent(layout, ports, urls.consul, extra_env.get("edge_agent", {})),
            Envoy(layout, ports),
        ]
        unknown = wanted - {part.name for part in everything}
        if unknown:
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}")
        parts = {part.name: part for part in everything if part.name in wanted and part.name not in given}
        return cls(layout, credentials, ports, external, urls, parts)

    @property
    def outside(self) -> frozenset[str]:
        """The servers that are given, not started."""
        return frozenset(self.external.given())

    @property
    def addresses(self) -> dict[str, str]:
        own = {
            name: f"{LOOPBACK}:{self.port_numbers.number(part.ports[0])}"
            for name, part in self.parts.items()
            if part.ports
        }
        return own | {name: urlsplit(url).netloc.rpartition("@")[2] for name, url in self.external.given().items()}

    @property
    def admin_url(self) -> str:
        """The URL of the platform's database for its administrator."""
        return self.external.database_url or database.in_database(self.superuser_url)

    @property
    def superuser_url(self) -> str:
        return Postgres(self.layout, self.credentials, self.port_numbers).url

    def environment(self, name: str) -> dict[str, str]:
        part = self.parts[name]
        if not isinstance(part, ServicePart | EdgeAgent):
            raise KeyError(f"{name} is not configured by environment")
        return part.environment()

    async def bootstrap_database(self) -> None:
        """Make the database, and role and schema of every service. Does nothing when no database is planned."""
        if self.external.database_url is None:
            if "postgres" not in self.parts:
                return
            await database.create_database(self.superuser_url)
        passwords = {service: self.credentials.password(service) for service in NAMES}
        await database.create_roles(self.admin_url, passwords)
