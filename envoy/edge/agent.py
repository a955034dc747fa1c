"""The agent: keeps Envoy's addresses and keys current until it is stopped. It serves no port."""

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
from edge.render import render
from edge.settings import EdgeSettings

log = structlog.get_logger()

KEYS_INTERVAL = 1.0  # seconds


async def run_agent(settings: EdgeSettings) -> None:
    """Render, then follow the registry and the trust folder until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    files = render(settings)
    async with aclosing(Registry(str(settings.consul_url))) as registry, asyncio.TaskGroup() as group:
        work = [group.create_task(registry.follow(cluster, partial(_publish, files, cluster))) for cluster in CLUSTERS]
        work.append(group.create_task(_follow_keys(KeyCopy(settings.trust_dir, files))))
        log.info("started", folder=str(files.root), clusters=CLUSTERS)
        await stop.wait()
        for task in work:
            task.cancel()
    log.info("stopped")


async def _follow_keys(keys: KeyCopy) -> None:
    while True:
        keys.refresh()
        await asyncio.sleep(KEYS_INTERVAL)


def _publish(files: EdgeFiles, cluster: str, addresses: Sequence[str]) -> None:
    write_endpoints(files.endpoints(cluster), cluster, addresses)
