"""The agent: keeps Envoy's addresses, keys, certificate and pressure current until it is stopped. It serves no port."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

import structlog

from chassis.background import Work, keep_running
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
        jobs: dict[str, Work] = {
            f"addresses of {name}": partial(registry.follow, name, partial(_publish, files, name)) for name in CLUSTERS
        }
        jobs["keys"] = partial(_follow, KeyCopy(settings.trust_dir, files))
        if settings.transport == "mtls":
            jobs["certificate"] = partial(_follow, CertificateCopy(settings.certificate_dir, files))
        jobs["pressure"] = Pressure(settings, files.pressure).run
        # A write that fails, on a full disk for example, is repeated until it succeeds.
        work = [group.create_task(keep_running(name, job)) for name, job in jobs.items()]
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
