"""Tells Envoy how many of its connections are in use, as a pressure from 0 to 1.

Envoy limits the number of connections, but closes no idle one to make room for a new one. With this figure it can: the
higher the pressure, the shorter its timeouts (edge.bootstrap).
"""

import asyncio
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote

import structlog

from chassis.files import write_atomically
from edge.settings import EdgeSettings

log = structlog.get_logger()

LISTENER = "edge"
INTERVAL = 0.25  # seconds
# A connection that has sent nothing yet counts as "pre".
_STATISTICS = f"^listener\\.{LISTENER}\\.downstream_(pre_)?cx_active$"


class Pressure:
    """Copies the pressure from Envoy's statistics to the file that Envoy watches."""

    def __init__(self, settings: EdgeSettings, file: Path) -> None:
        self._most = settings.edge_max_connections
        self._file = file
        self._admin = settings.edge_dir.resolve() / settings.edge_admin_socket
        self._written = -1.0

    async def run(self) -> None:
        """Follow the statistics until cancelled."""
        answers = True
        while True:
            try:
                self.report(await asyncio.to_thread(count_connections, self._admin))
                answers = True
            except (OSError, HTTPException, ValueError) as error:
                # Envoy is starting or stopping, or the disk is full. Say so once.
                if answers:
                    log.info("pressure_unknown", error=type(error).__name__)
                answers = False
            await asyncio.sleep(INTERVAL)

    def report(self, connections: int) -> None:
        """Write the pressure if it has changed. Raises OSError."""
        pressure = min(1.0, round(connections / self._most, 2))
        if pressure != self._written:
            write_pressure(self._file, pressure)
            self._written = pressure


class AdminConnection(HTTPConnection):
    """A connection to Envoy's admin interface."""

    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=2)
        self._path = path

    def connect(self) -> None:
        """Open the Unix socket. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def count_connections(admin: Path) -> int:
    """Return the number of clients' connections. Raises OSError, HTTPException, ValueError."""
    connection = AdminConnection(admin)
    try:
        connection.request("GET", f"/stats?filter={quote(_STATISTICS)}")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    return sum(int(line.rpartition(":")[2]) for line in lines)


def write_pressure(file: Path, pressure: float) -> None:
    """Replace the file that Envoy watches."""
    write_atomically(file, f"{pressure}")
