"""Our own processes: how to start each service and the edge agent, and their environment."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from chassis.identity.certificates import EDGE
from deploy.local import private_files, probe
from deploy.local.authority import Authority
from deploy.local.binaries import SETTING
from deploy.local.credentials import Credentials
from deploy.local.layout import CHECKOUT, Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers.envoy import admin_socket
from deploy.services import SERVICES, Service

# Set for each process, never inherited from the environment of the command.
PER_PROCESS = frozenset(
    {
        "FAIRDB_HOST",
        "FAIRDB_PORT",
        "FAIRDB_METRICS_PORT",
        "FAIRDB_DATABASE_URL",
        "FAIRDB_REDIS_URL",
        "FAIRDB_BROKER_URL",
        "FAIRDB_CONSUL_URL",
        "FAIRDB_SIGNING_KEY_FILE",
        "FAIRDB_TRUST_DIR",
        "FAIRDB_TRANSPORT",
        "FAIRDB_CERTIFICATE_DIR",
        "FAIRDB_EDGE_DIR",
        "FAIRDB_EDGE_PORT",
        "FAIRDB_EDGE_ADMIN_SOCKET",
    }
) | {file.variable for service in SERVICES for file in service.key_files}


class RenderFailed(Exception):
    """`python -m edge render` failed; the edge agent's log contains the reason."""


@dataclass(frozen=True)
class Urls:
    """The URLs of the servers. `database`, `redis` and `broker` map each service to the URL with its own account."""

    database: Mapping[str, str]
    redis: Mapping[str, str]
    broker: Mapping[str, str]
    consul: Mapping[str, Mapping[str, str]]
    """The environment variables with which each service, and the edge agent, reaches Consul."""


@dataclass(frozen=True)
class ServiceProcess:
    """The process of one gRPC service, started as `python -m <name>`."""

    service: Service
    layout: Layout
    credentials: Credentials
    port_numbers: Ports
    urls: Urls
    extra: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def ports(self) -> tuple[str, ...]:
        return self.service.label, f"metrics_{self.service.label}"

    def environment(self) -> dict[str, str]:
        port, metrics = (self.port_numbers.number(name) for name in self.ports)
        env = {
            # A drain gives clients time to switch to another instance. Each service has only one here: keep it short.
            "FAIRDB_DRAIN_SECONDS": "0.3",
            **inherited_environment(),
            "FAIRDB_HOST": LOOPBACK,
            "FAIRDB_PORT": str(port),
            "FAIRDB_METRICS_PORT": str(metrics),
            "FAIRDB_DATABASE_URL": self.urls.database[self.name],
            "FAIRDB_REDIS_URL": self.urls.redis[self.name],
            "FAIRDB_BROKER_URL": self.urls.broker[self.name],
            **self.urls.consul[self.name],
            "FAIRDB_SIGNING_KEY_FILE": str(self.credentials.signing_key(self.name)),
            "FAIRDB_TRUST_DIR": str(self.layout.trust),
            "FAIRDB_CERTIFICATE_DIR": str(self.credentials.authority.folder(self.name)),
            **{file.variable: str(self.credentials.key_file(self.name, file)) for file in self.service.key_files},
        }
        return {**env, **self.extra}

    async def prepare(self) -> None:
        """Do nothing: keys and passwords are created before any component starts."""

    def commands(self) -> list[Command]:
        argv = (sys.executable, "-m", self.name)
        return [Command(argv, self.environment(), CHECKOUT, self.layout.log(self.name))]

    async def ready(self) -> bool:
        address = f"{LOOPBACK}:{self.port_numbers.number(self.ports[0])}"
        async with self.credentials.channel(self.name, address) as channel:
            return await probe.grpc_serving(channel)


@dataclass(frozen=True)
class EdgeAgent:
    """The process that writes Envoy's configuration and keeps its endpoints and keys current."""

    layout: Layout
    port_numbers: Ports
    urls: Urls
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
    name: str = "edge_agent"
    ports: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        return {
            **inherited_environment(),
            "FAIRDB_EDGE_DIR": str(self.layout.envoy),
            "FAIRDB_EDGE_PORT": str(self.port_numbers.edge),
            "FAIRDB_EDGE_ADMIN_SOCKET": str(admin_socket(self.layout)),
            "FAIRDB_TRUST_DIR": str(self.layout.trust),
            "FAIRDB_CERTIFICATE_DIR": str(Authority(self.layout).folder(EDGE)),
            **self.urls.consul[self.name],
            **self.extra,
        }

    async def prepare(self) -> None:
        """Render envoy.yaml and the first endpoint and key files, which Envoy needs to start."""
        log = self.layout.log(self.name)
        with private_files.open_log(log) as output:
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "edge", "render"],
                env=self.environment(),
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=60,
            )
        if done.returncode != 0:
            raise RenderFailed(f"`python -m edge render` exited with code {done.returncode}")

    def commands(self) -> list[Command]:
        argv = (sys.executable, "-m", "edge")
        return [Command(argv, self.environment(), CHECKOUT, self.layout.log(self.name))]

    async def ready(self) -> bool:
        # The edge agent does not listen; the health check through the edge shows whether it works.
        return True


def inherited_environment() -> dict[str, str]:
    """Return our environment (PATH, OTEL_*, FAIRDB_LOG_LEVEL, …) without PER_PROCESS, port and program variables."""
    local = ("FAIRDB_PORT_", SETTING)
    return {name: value for name, value in os.environ.items() if name not in PER_PROCESS and not name.startswith(local)}
