"""Envoy: how to start it. Package `edge` writes its configuration."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from deploy.local import binaries, probe, sockets
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment
from deploy.local.users import Users


@dataclass(frozen=True)
class Envoy:
    layout: Layout
    port_numbers: Ports
    concurrency: int = 2
    name: str = "envoy"
    ports: tuple[str, ...] = ("edge",)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port_numbers.edge}"

    async def prepare(self) -> None:
        """Create the folder of the admin socket; `python -m edge render` has written the configuration."""
        sockets.create(admin_socket(self.layout).parent, Users.of(self.layout).account(self.name))

    def commands(self) -> list[Command]:
        _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        argv = (
            # Each connection needs a file descriptor. The usual soft limit is 1024.
            "prlimit",
            f"--nofile={most_files}",
            str(binaries.envoy()),
            "-c",
            str(self.layout.envoy / "envoy.yaml"),
            "--concurrency",
            str(min(self.concurrency, os.cpu_count() or 1)),
            # Hot restart uses a machine-wide id, so two constellations would conflict.
            "--disable-hot-restart",
            "--log-level",
            "warning",
        )
        return [Command(argv, plain_environment(self.layout.envoy), self.layout.envoy, self.layout.log(self.name))]

    async def ready(self) -> bool:
        return await probe.http("http://envoy/ready", socket=admin_socket(self.layout)) == 200


def admin_socket(layout: Layout) -> Path:
    """Return the path of the socket of Envoy's admin interface."""
    return sockets.folder_below(layout.envoy) / "admin.sock"
