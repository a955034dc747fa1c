"""The agent: keeps Envoy's addresses, keys, certificate and pressure current until it is stopped. It serves no port."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

import structlog

from chassis.registry.discovery import Registry
from edge.contract import CLUSTERS
from edge.endpoints import write_endpoints
from edge.files import EdgeFiles
from edge.keys import KeyCopy
from edge.pressure import Pressure
from edge.render import render
from edge.secrets import CertificateCopy
from edge.settings import EdgeSettings

log = structlog.get_logger()

COPY_INTERVAL = 1.0  # seconds


async def run_agent(settings: EdgeSettings) -> None:
    """Render, then follow the registry, the trust folder and the certificate until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    files = render(settings)
    async with aclosing(Registry(str(settings.consul_url))) as registry, asyncio.TaskGroup() as group:
        work = [group.create_task(registry.follow(cluster, partial(_publish, files, cluster))) for cluster in CLUSTERS]
        copies: list[KeyCopy | CertificateCopy] = [KeyCopy(settings.trust_dir, files)]
        if settings.transport == "mtls":
            copies.append(CertificateCopy(settings.certificate_dir, files))
        work += [group.create_task(_follow(copy)) for copy in copies]
        work.append(group.create_task(Pressure(settings, files.pressure).run()))
        log.info("started", folder=str(files.root), clusters=CLUSTERS)
        await stop.wait()
        for task in work:
            task.cancel()
    log.info("stopped")


async def _follow(copy: KeyCopy | CertificateCopy) -> None:
    while True:
        copy.refresh()
        await asyncio.sleep(COPY_INTERVAL)


def _publish(files: EdgeFiles, cluster: str, addresses: Sequence[str]) -> None:
    write_endpoints(files.endpoints(cluster), cluster, addresses)
