"""Watches the registry for the addresses of one service."""

import ipaddress
import random
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import consul
import structlog

from edge.endpoints import Address

WAIT = "30s"  # how long Consul holds a question to which nothing changes
ANSWER_TIMEOUT = 5.0  # seconds on top of that
FIRST_BACKOFF = 0.2  # seconds
LAST_BACKOFF = 10.0  # seconds

log = structlog.get_logger()


def connect(url: str) -> consul.Consul:
    """Return a client of the Consul agent at `url`."""
    parts = urlsplit(url)
    return consul.Consul(host=parts.hostname, port=parts.port, scheme=parts.scheme, connections_timeout=ANSWER_TIMEOUT)


def watch_service(
    client: consul.Consul, service: str, on_change: Callable[[list[Address]], None], stop: threading.Event
) -> None:
    """Call `on_change` with the passing instances of a service, at first and after each change, until `stop` is set.

    An answer without instances is not handed on: see docs/decisions/edge-discovery.md.
    """
    index: int | None = None
    known: list[Address] = []
    backoff = FIRST_BACKOFF
    while not stop.is_set():
        try:
            answered, nodes = client.health.service(service, passing=True, index=index, wait=WAIT)
            addresses = sorted(set(resolve(nodes)))
            if not addresses:
                log.warning("registry knows no instance, last known stay in use", service=service)
            elif addresses != known:
                on_change(addresses)
                known = addresses
            index = next_index(index, int(answered))
        except Exception as error:
            # Whatever it was, the last known addresses stay in use and the question is asked again.
            log.warning("registry unavailable", service=service, error=type(error).__name__)
            index = None
            # Jitter, so that not every edge asks a registry at once that has just come back.
            stop.wait(backoff * random.uniform(0.5, 1.0))
            backoff = min(backoff * 2, LAST_BACKOFF)
        else:
            backoff = FIRST_BACKOFF


def next_index(index: int | None, answered: int) -> int | None:
    """Return the index to ask with next: none, thus at once, after one that went backwards (a restored Consul)."""
    if answered <= 0 or (index is not None and answered < index):
        return None
    return answered


def resolve(nodes: list[dict[str, Any]]) -> list[Address]:
    """Return the addresses of Consul's entries; a host name becomes its IP addresses, an unknown one is left out."""
    addresses = []
    for node in nodes:
        host = node["Service"]["Address"] or node["Node"]["Address"]
        port = node["Service"]["Port"]
        try:
            ipaddress.ip_address(host)
            addresses.append(Address(host, port))
        except ValueError:
            addresses.extend(Address(ip, port) for ip in _look_up(host))
    return addresses


def _look_up(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError:
        log.warning("instance's host name unknown", host=host)
        return []
