"""The agent: keeps Envoy's addresses and keys current until it is told to stop. It serves no port."""

import signal
import threading
from functools import partial

import structlog

from edge.contract import CLUSTERS
from edge.endpoints import Address, write_endpoints
from edge.files import EdgeFiles
from edge.keys import KeyCopy
from edge.registry import connect, watch_service
from edge.render import render
from edge.settings import EdgeSettings

KEYS_INTERVAL = 1.0  # seconds

log = structlog.get_logger()


def run_agent(settings: EdgeSettings) -> None:
    """Render, then follow the registry and the trust folder until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    files = render(settings)
    for cluster in CLUSTERS:
        # A thread may hang in a question to Consul for half a minute; as a daemon it does not delay the end.
        threading.Thread(
            target=watch_service,
            args=(connect(str(settings.consul_url)), cluster, partial(_publish, files, cluster), stop),
            name=f"watch-{cluster}",
            daemon=True,
        ).start()
    log.info("edge agent started", folder=str(files.root), clusters=CLUSTERS)
    keys = KeyCopy(settings.trust_dir, files)
    while not stop.wait(KEYS_INTERVAL):
        keys.refresh()
    log.info("edge agent stopped")


def configure_log() -> None:
    """Log JSON lines to stdout."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ]
    )


def _publish(files: EdgeFiles, cluster: str, addresses: list[Address]) -> None:
    write_endpoints(files.endpoints(cluster), cluster, addresses)
    log.info("addresses changed", cluster=cluster, addresses=[f"{host}:{port}" for host, port in addresses])
