"""The ports of a constellation: the defaults, how to move them, and free ones for tests.

Every port can be moved by the environment variable `FAIRDB_PORT_<FIELD>`, the field's name in upper case:
FAIRDB_PORT_EDGE, _AUTH, _BACKEND, _PRIVACY, _GATEWAY, _POSTGRES, _REDIS, _RABBITMQ, _RABBITMQ_DIST, _EPMD, _CONSUL,
_CONSUL_RPC, _CONSUL_SERF, _ENVOY_ADMIN, _METRICS_AUTH, _METRICS_BACKEND, _METRICS_PRIVACY, _METRICS_GATEWAY.
"""

import os
import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections (32768 and up): a port found free here is not taken by a client
# before its server binds it.
FREE_RANGE = range(12000, 32000)


class PortTaken(Exception):
    """A port that a part needs is in use."""

    def __init__(self, part: str, field: str, port: int) -> None:
        super().__init__(f"{part} needs port {port}, which is taken: move it with {variable(field)}=<port>")


class PortUnreadable(Exception):
    """A FAIRDB_PORT_... variable is no port of ours, no port number, or the number of another."""


@dataclass(frozen=True)
class Ports:
    """One TCP port for each listener; all on loopback."""

    edge: int = 8000
    auth: int = 8001
    backend: int = 8002
    privacy: int = 8003
    gateway: int = 8004
    metrics_auth: int = 9101
    metrics_backend: int = 9102
    metrics_privacy: int = 9103
    metrics_gateway: int = 9104
    envoy_admin: int = 9901
    postgres: int = 5432
    redis: int = 6379
    rabbitmq: int = 5672
    rabbitmq_dist: int = 25672
    # Not 4369: that one belongs to a system broker's epmd.
    epmd: int = 4370
    consul: int = 8500
    consul_rpc: int = 8300
    consul_serf: int = 8301

    @classmethod
    def defaults(cls, environ: Mapping[str, str] | None = None) -> "Ports":
        """Return the well-known ports, moved by FAIRDB_PORT_... variables."""
        environ = os.environ if environ is None else environ
        moved: dict[str, int] = {}
        names = {variable(field.name) for field in fields(cls)}
        unknown = sorted(name for name in environ if name.startswith(variable("")) and name not in names)
        if unknown:
            raise PortUnreadable(f"there is no {unknown[0]}: the ports are {', '.join(sorted(names))}")
        for field in fields(cls):
            text = environ.get(variable(field.name))
            if text is None:
                continue
            if not text.isdigit() or not 0 < int(text) < 65536:
                raise PortUnreadable(f"{variable(field.name)}={text!r} is not a port")
            moved[field.name] = int(text)
        ports = cls(**moved)
        ports.require_different()
        return ports

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that nothing listens on, all different."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, find_free(len(names)), strict=True)))

    def require_different(self) -> None:
        """Raise PortUnreadable when two parts would share a port."""
        seen: dict[int, str] = {}
        for name, number in asdict(self).items():
            if number in seen:
                raise PortUnreadable(f"{variable(seen[number])} and {variable(name)} are both {number}")
            seen[number] = name

    def number(self, field: str) -> int:
        return int(asdict(self)[field])

    def require_free(self, part: str, names: Iterable[str]) -> None:
        """Raise PortTaken for the first of the named ports that somebody listens on."""
        for name in names:
            if not is_free(self.number(name)):
                raise PortTaken(part, name, self.number(name))


def variable(field: str) -> str:
    return f"FAIRDB_PORT_{field.upper()}"


def find_free(count: int) -> list[int]:
    """Return ports that nothing listens on, all different."""
    candidates = iter(random.sample(FREE_RANGE, len(FREE_RANGE)))
    found = list(islice((port for port in candidates if is_free(port)), count))
    if len(found) < count:
        raise OSError("too few free ports on this machine")
    return found


def is_free(port: int) -> bool:
    """Tell whether a server could bind the port. REUSEADDR, as servers do: a port in TIME_WAIT is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            return True
        except OSError:
            return False
