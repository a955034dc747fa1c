"""Envoy: how to start it. Package `edge` writes its configuration."""

import os
import resource
from dataclasses import dataclass

from deploy.local import binaries, probe
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.process import Command
from deploy.local.servers import plain_environment


@dataclass(frozen=True)
class Envoy:
    layout: Layout
    port_numbers: Ports
    concurrency: int = 2
    name: str = "envoy"
    ports: tuple[str, ...] = ("edge", "envoy_admin")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port_numbers.edge}"

    async def prepare(self) -> None:
        """Do nothing: `python -m edge render` has written the configuration."""

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
        return await probe.http(f"http://{LOOPBACK}:{self.port_numbers.envoy_admin}/ready") == 200
