"""The ports of a constellation: the defaults, their environment variables, and free ports for tests.

The environment variable `FAIRDB_PORT_<NAME>` changes a port, for example FAIRDB_PORT_EDGE, FAIRDB_PORT_RABBITMQ_DIST,
FAIRDB_PORT_GATEWAY and FAIRDB_PORT_METRICS_GATEWAY.
"""

import os
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from deploy.services import SERVICES

LOOPBACK = "127.0.0.1"
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_BLOCK = 100
_unused: list[int] = []
"""Ports of the blocks that this process has claimed, which nobody has received."""


class PortTaken(Exception):
    """A required port is in use."""

    def __init__(self, component: str, name: str, port: int) -> None:
        super().__init__(
            f"{component} needs port {port}, which is in use: stop the program that uses it, or set {variable(name)}"
            " to another port"
        )


class PortUnreadable(Exception):
    """A FAIRDB_PORT_... variable has an unknown name, an invalid value, or the value of another port."""


def service_ports() -> dict[str, int]:
    """Return the default ports of the services by name, such as "gateway" and "metrics_gateway"."""
    own = {service.label: service.port for service in SERVICES}
    return own | {f"metrics_{service.label}": service.metrics_port for service in SERVICES}


@dataclass(frozen=True)
class Ports:
    """The TCP port of each listener; all listen on loopback."""

    edge: int = 8000
    services: Mapping[str, int] = field(default_factory=service_ports)
    rabbitmq: int = 5672
    rabbitmq_dist: int = 25672
    # Not the default 4369, which the epmd of a system-wide RabbitMQ uses.
    epmd: int = 4370
    consul: int = 8500
    consul_rpc: int = 8300
    consul_serf: int = 8301

    @classmethod
    def defaults(cls, environ: Mapping[str, str] | None = None) -> "Ports":
        """Return the default ports, with those that FAIRDB_PORT_... variables change."""
        environ = os.environ if environ is None else environ
        numbers = cls().numbers()
        names = {variable(name) for name in numbers}
        unknown = sorted(name for name in environ if name.startswith(variable("")) and name not in names)
        if unknown:
            raise PortUnreadable(f"{unknown[0]} is unknown: the variables are {', '.join(sorted(names))}")
        for name in numbers:
            text = environ.get(variable(name))
            if text is None:
                continue
            if not text.isdigit() or not 0 < int(text) < 65536:
                raise PortUnreadable(f"{variable(name)}={text!r} is not a port: use a number from 1 to 65535")
            numbers[name] = int(text)
        ports = cls.of(numbers)
        ports.require_different()
        return ports

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> "Ports":
        """Build ports from a mapping of names to numbers, the inverse of `numbers()`."""
        own = {field.name for field in fields(cls)}
        services = {name: number for name, number in numbers.items() if name not in own}
        return cls(**{name: number for name, number in numbers.items() if name in own}, services=services)

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that nothing listens on, all different."""
        names = cls().numbers()
        return cls.of(dict(zip(names, find_free(len(names)), strict=True)))

    def numbers(self) -> dict[str, int]:
        """Return every port by its name."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "services"}
        return own | dict(self.services)

    def require_different(self) -> None:
        """Raise PortUnreadable if two listeners have the same port."""
        seen: dict[int, str] = {}
        for name, number in self.numbers().items():
            if number in seen:
                raise PortUnreadable(
                    f"{variable(seen[number])} and {variable(name)} are both {number}: set one of them to another port"
                )
            seen[number] = name

    def number(self, name: str) -> int:
        return self.numbers()[name]

    def require_free(self, component: str, names: Iterable[str]) -> None:
        """Raise PortTaken for the first of the named ports that is in use."""
        for name in names:
            if not is_free(self.number(name)):
                raise PortTaken(component, name, self.number(name))


def variable(name: str) -> str:
    """Return the environment variable that sets a port."""
    return f"FAIRDB_PORT_{name.upper()}"


def find_free(count: int) -> list[int]:
    """Return ports that nothing listens on, all different. No process receives one of them again while we run."""
    found: list[int] = []
    while len(found) < count:
        if not _unused:
            _unused.extend(_claim_block())
        if is_free(port := _unused.pop()):
            found.append(port)
    return found


def _claim_block() -> list[int]:
    """Claim a block of ports among the processes that look for free ports, and return them. Raises OSError.

    A server binds its port seconds after it was found, and meanwhile another test process could find the same port.
    The claim is a name in Linux's abstract socket namespace, which the kernel frees when this process ends.
    """
    blocks: dict[int, list[int]] = {}
    for port in _candidates():
        blocks.setdefault(port // _BLOCK, []).append(port)
    for block in random.sample(list(blocks), len(blocks)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0fairdb-ports-{block}")
        except OSError:
            claim.close()
            continue
        claim.detach()  # stays open as long as this process
        return blocks[block]
    raise OSError("not enough free ports on this machine")


def _candidates() -> list[int]:
    """Return the ports that Linux does not give to outgoing connections: no client takes one before its server does."""
    low, high = map(int, _OUTGOING.read_text().split())
    ports = [port for port in range(10_000, 65_536) if not low <= port <= high]
    return ports or list(range(10_000, 32_000))


def is_free(port: int) -> bool:
    """Return whether a server can bind the port. Like servers, use SO_REUSEADDR: a port in TIME_WAIT is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            return True
        except OSError:
            return False
