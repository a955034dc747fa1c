"""Abuse: clients that take more than their share, and an honest user whose answers are timed meanwhile."""

import asyncio
import contextlib
import socket
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

HONEST_SECONDS = 1.0
"""How long an honest user may wait for a usual answer while others abuse the platform."""
OTHER_CLIENT = "127.0.0.2"
"""Another address of this machine."""


@dataclass
class Held:
    """Connections that an abuser holds open."""

    connections: list[socket.socket] = field(default_factory=list[socket.socket])

    def send(self, data: bytes) -> None:
        """Send the same bytes on every connection that is still open."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.send(data)

    def count_open(self) -> int:
        """Return how many connections the server has not closed, and read what it sent."""
        return sum(_is_open(connection) for connection in self.connections)


def _is_open(connection: socket.socket) -> bool:
    try:
        while connection.recv(1 << 16):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


@asynccontextmanager
async def holding(port: int, count: int, first: bytes, source: str = "127.0.0.1") -> AsyncIterator[Held]:
    """Open connections to a local port from the address `source`, send `first` on each, and keep them open."""
    held = Held()
    try:
        for number in range(count):
            connection = socket.socket()
            held.connections.append(connection)
            connection.setblocking(False)
            connection.bind((source, 0))
            with contextlib.suppress(BlockingIOError):
                connection.connect(("127.0.0.1", port))
            if number % 50 == 0:
                await asyncio.sleep(0)
        held.send(first)
        yield held
    finally:
        for connection in held.connections:
            connection.close()


@dataclass
class Times:
    """How long an honest user waited for each answer, in seconds."""

    waits: list[float] = field(default_factory=list[float])
    failures: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        times = f"median {statistics.median(self.waits):.3f} s, max {max(self.waits):.3f} s" if self.waits else "none"
        return f"{len(self.waits)} answers ({times}), {len(self.failures)} failures {sorted(set(self.failures))}"

    def check(self) -> None:
        """Check that every request was answered, and the typical one in time. Prints the times."""
        print(f"honest user: {self}")
        assert self.waits, str(self)
        assert not self.failures, str(self)
        assert statistics.median(self.waits) < HONEST_SECONDS, str(self)


async def be_honest(
    request: Callable[[], Awaitable[httpx.Response]], until: Callable[[], bool], *, pause: float = 0.1
) -> Times:
    """Make requests, one after another, until `until` is true; at least three."""
    times, now = Times(), asyncio.get_running_loop().time
    while len(times.waits) + len(times.failures) < 3 or not until():
        started = now()
        try:
            answer = await request()
        except httpx.HTTPError as error:
            times.failures.append(type(error).__name__)
        else:
            if answer.is_success:
                times.waits.append(now() - started)
            else:
                times.failures.append(f"{answer.status_code} {answer.text[:200]}")
        await asyncio.sleep(pause)
    return times
