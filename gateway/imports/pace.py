"""The pace of an import: how fast its sender sends while the gateway waits for more."""

import asyncio

MINIMUM = 4096.0
"""Bytes a second below which an import is slow. A slow import loses its place if somebody else needs it."""
_GRACE_SECONDS = 0.5
_MEMORY_SECONDS = 5.0
"""After this time of waiting, half of what was sent before counts."""


class Pace:
    """Counts the bytes of an import, and the time that the gateway waited for them.

    The time in which the gateway does not read, because it is busy with earlier rows, does not count.
    """

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._bytes = self._waited = 0.0
        self._since: float | None = None
        self.stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the import has lost its place."""

    def wait(self) -> None:
        """Record that the gateway waits for the sender."""
        self._since = self._now()

    def receive(self, size: int) -> None:
        """Record that the sender has sent this many bytes."""
        self._waited, self._since = self.waited(), None
        if self._waited > _MEMORY_SECONDS:
            self._waited, self._bytes = self._waited / 2, self._bytes / 2
        self._bytes += size

    def waited(self) -> float:
        """Return the seconds that the gateway has waited lately."""
        return self._waited + (0.0 if self._since is None else self._now() - self._since)

    def is_slow(self) -> bool:
        """Return whether the gateway waits for the sender now, and has waited too long for what it received."""
        waited = self.waited()
        return self._since is not None and waited > _GRACE_SECONDS and self._bytes < MINIMUM * waited

    def stop(self) -> None:
        """End the import."""
        if not self.stopped.done():
            self.stopped.set_result(None)
