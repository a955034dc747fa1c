"""The plan of a constellation: its components, their URLs, and which servers are external."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.local import database
from deploy.local.component import Component
from deploy.local.credentials import Credentials
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.renewal import NAME as AUTHORITY
from deploy.local.renewal import Renewal
from deploy.local.servers.consul import HOLDERS as CONSUL_HOLDERS
from deploy.local.servers.consul import Consul
from deploy.local.servers.envoy import Envoy
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.rabbitmq import ADMIN as BROKER_ADMIN
from deploy.local.servers.rabbitmq import RabbitMQ
from deploy.local.servers.redis import ADMIN as REDIS_ADMIN
from deploy.local.servers.redis import Redis
from deploy.local.services import EdgeAgent, ServiceProcess, Urls
from deploy.local.users import Users
from deploy.services import NAMES, SERVERS, SERVICES

COMPONENTS = (*SERVERS, AUTHORITY, *NAMES, "edge_agent", "envoy")


@dataclass(frozen=True)
class External:
    """URLs of external servers, which are used instead of starting one.

    `database_url` is an administrator's URL: the services' roles and schemas are created in its database.
    """

    database_url: str | None = None
    redis_url: str | None = None
    broker_url: str | None = None
    consul_url: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Read FAIRDB_DATABASE_URL, _REDIS_URL, _BROKER_URL and _CONSUL_URL; an empty variable counts as unset."""
        names = ("FAIRDB_DATABASE_URL", "FAIRDB_REDIS_URL", "FAIRDB_BROKER_URL", "FAIRDB_CONSUL_URL")
        return cls(*(os.environ.get(name) or None for name in names))

    def urls(self) -> dict[str, str]:
        """Return the URL of each external server, by server name."""
        urls = (self.database_url, self.redis_url, self.broker_url, self.consul_url)
        return {name: url for name, url in zip(SERVERS, urls, strict=True) if url is not None}


@dataclass(frozen=True)
class Plan:
    """The components to start, fully configured: ports, URLs and credentials are decided before anything runs."""

    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    external: External
    urls: Urls
    components: Mapping[str, Component]

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
        postgres = Postgres(layout, credentials)
        redis = Redis(layout, credentials)
        rabbitmq = RabbitMQ(layout, credentials, ports)
        consul = Consul(layout, credentials, ports)
        outside = external.urls()
        admin = external.database_url or database.in_database(postgres.url)
        urls = Urls(
            {service: database.role_url(admin, service, credentials.password(service)) for service in NAMES},
            {service: outside.get("redis") or redis.url(service) for service in NAMES},
            {service: outside.get("rabbitmq") or rabbitmq.url(service) for service in NAMES},
            # For an external Consul, the environment's CONSUL_... variables, if any, are everybody's.
            {
                holder: {"FAIRDB_CONSUL_URL": outside["consul"]} if "consul" in outside else consul.environment(holder)
                for holder in CONSUL_HOLDERS
            },
        )
        everything: list[Component] = [
            postgres,
            redis,
            rabbitmq,
            consul,
            Renewal(layout, None if "consul" in outside else ports.consul),
        ]
        everything += [
            ServiceProcess(service, layout, credentials, ports, urls, extra_env.get(service.name, {}))
            for service in SERVICES
        ]
        everything += [
            EdgeAgent(layout, ports, urls, extra_env.get("edge_agent", {})),
            Envoy(layout, ports),
        ]
        unknown = wanted - {component.name for component in everything}
        if unknown:
            raise ValueError(f"unknown component: {', '.join(sorted(unknown))}")
        components = {
            component.name: component
            for component in everything
            if component.name in wanted and component.name not in outside
        }
        return cls(layout, credentials, ports, external, urls, components)

    @property
    def outside(self) -> frozenset[str]:
        """The names of the external servers."""
        return frozenset(self.external.urls())

    @property
    def addresses(self) -> dict[str, str]:
        own = {
            name: f"{LOOPBACK}:{self.port_numbers.number(component.ports[0])}"
            for name, component in self.components.items()
            if component.ports
        }
        return own | {name: urlsplit(url).netloc.rpartition("@")[2] for name, url in self.external.urls().items()}

    @property
    def admin_url(self) -> str:
        """The administrator's URL of the platform's database."""
        return self.external.database_url or database.in_database(self.superuser_url)

    @property
    def superuser_url(self) -> str:
        return Postgres(self.layout, self.credentials).url

    @property
    def redis_admin_url(self) -> str:
        """The URL of an account of Redis that may do everything."""
        return self.external.redis_url or Redis(self.layout, self.credentials).url(REDIS_ADMIN)

    @property
    def broker_admin_url(self) -> str:
        """The URL of an account of RabbitMQ that may do everything."""
        return self.external.broker_url or RabbitMQ(self.layout, self.credentials, self.port_numbers).url(BROKER_ADMIN)

    @property
    def users(self) -> Users:
        return self.credentials.users

    def give_state(self, component: str) -> None:
        """Give a component's folder to its user, and close it to others, after `prepare` wrote some of it as us."""
        folder = self.layout.envoy if component in ("edge_agent", "envoy") else self.layout.state(component)
        if folder.exists():
            # The group of all components passes through the folders of PostgreSQL and Redis, to their sockets.
            folder.chmod(0o710 if component in ("postgres", "redis") else 0o700)
            self.users.give(component, folder)

    def environment(self, name: str) -> dict[str, str]:
        component = self.components[name]
        if not isinstance(component, ServiceProcess | EdgeAgent):
            raise KeyError(f"{name} has no environment of its own")
        return component.environment()

    async def bootstrap_database(self) -> None:
        """Create the database and the role and schema of every service; do nothing if the plan has no database."""
        if self.external.database_url is None:
            if "postgres" not in self.components:
                return
            await database.create_database(self.superuser_url)
        passwords = {service: self.credentials.password(service) for service in NAMES}
        await database.create_roles(self.admin_url, passwords)
