"""Abuse: clients that take more than their share, and an honest user whose answers are timed meanwhile."""

import asyncio
import contextlib
import socket
import statistics
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

HONEST_SECONDS = 1.0
"""How long an honest user may wait for a usual answer while others abuse the platform."""
ANSWERS = 10
"""How many answers of the honest user are timed at least."""
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
        """Check that every request was answered, and the typical one in time. Prints the times.

        Not the slowest, because other tests may use the machine.
        """
        print(f"honest user: {self}")
        assert self.waits, str(self)
        assert not self.failures, str(self)
        assert statistics.median(self.waits) < HONEST_SECONDS, str(self)


async def be_honest(
    request: Callable[[], Awaitable[httpx.Response]], until: Callable[[], bool], *, pause: float = 0.1
) -> Times:
    """Make requests, one after another, until `until` is true; at least `ANSWERS`."""
    times, now = Times(), asyncio.get_running_loop().time
    while len(times.waits) + len(times.failures) < ANSWERS or not until():
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


class Http2Client:
    """Makes gRPC calls over one connection, and reads no answers: it allows the server to send none of their bytes."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._stream = -1
        no_window = struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, no_window))

    @classmethod
    @asynccontextmanager
    async def connected(cls, host: str, port: int) -> AsyncIterator["Http2Client"]:
        """Connect, and close at the end."""
        _, writer = await asyncio.open_connection(host, port)
        try:
            yield cls(writer)
        finally:
            writer.close()

    def send_call(self, path: str, request: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a call."""
        self._stream += 2
        names = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "a",
            "content-type": "application/grpc",
            "te": "trailers",
            **(headers or {}),
        }
        block = b"".join(b"\0" + _string(name) + _string(value) for name, value in names.items())
        message = b"\0" + struct.pack(">I", len(request)) + request
        self._writer.write(_frame(_HEADERS, _END_HEADERS, self._stream, block))
        self._writer.write(_frame(_DATA, _END_STREAM, self._stream, message))


_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_INITIAL_WINDOW_SIZE = 4


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _string(text: str) -> bytes:
    """Return a string of HPACK, not compressed (RFC 7541, sections 5.1 and 5.2)."""
    raw = text.encode()
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, length = len(raw) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    length.append(rest)
    return bytes(length) + raw
