"""The pace of an import: how fast its sender sends while the gateway waits for more."""

import asyncio
import math

MINIMUM = 4096.0
"""Bytes a second below which an import is slow. A slow import loses its place if somebody else needs it."""
_GRACE_SECONDS = 0.5
_HALF_LIFE = 5.0
"""Seconds of waiting after which half of what was sent before, and of the time waited, counts."""
_DECAY = math.log(2) / _HALF_LIFE
_MOST_CREDIT = 2 * MINIMUM / _DECAY
"""The bytes that count at most, so that a burst pays for no more than eight seconds of silence."""


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
        sent, self._waited = self._lately()
        self._bytes, self._since = min(sent + size, _MOST_CREDIT), None

    def waited(self) -> float:
        """Return the seconds that the gateway has waited lately."""
        return self._lately()[1]

    def is_slow(self) -> bool:
        """Return whether the gateway waits for the sender now, and has waited too long for what it received."""
        sent, waited = self._lately()
        return self._since is not None and waited > _GRACE_SECONDS and sent < MINIMUM * waited

    def _lately(self) -> tuple[float, float]:
        """Return the bytes received and the seconds waited, of which earlier ones count less."""
        left = math.exp(-_DECAY * (0.0 if self._since is None else self._now() - self._since))
        return self._bytes * left, self._waited * left + (1 - left) / _DECAY

    def stop(self) -> None:
        """End the import."""
        if not self.stopped.done():
            self.stopped.set_result(None)
