"""The spool: answers that were given and not yet taken, a little in memory and the rest in a file without a name."""

import asyncio
import tempfile
from collections import deque

_IN_MEMORY = 256 * 1024
_TAKEN_AT_ONCE = 64 * 1024
_MOST = 512 * 1024 * 1024
"""Bytes of the file: what nobody takes must not fill the disk. It grows until all of it was taken."""


class Spool:
    """Pieces of bytes, taken in the order in which they were put; putting never waits.

    So whoever sends a whole file before they read an answer is not kept waiting for themselves.
    """

    def __init__(self, in_memory: int = _IN_MEMORY, most: int = _MOST) -> None:
        self._in_memory = in_memory
        self._most = most
        self._pieces: deque[bytes] = deque()
        """The newest ones, behind what is in the file."""
        self._held = 0
        self._file = None
        self._sizes: deque[int] = deque()
        """Bytes in the file of what was put away at a time, each ending with a whole piece."""
        self._read_at = self._written_to = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False

    def put(self, piece: bytes) -> None:
        """Add a piece. Raises OSError when the disk is full."""
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > self._in_memory:
            self._put_away()
        self._changed.set()

    async def has_room(self) -> None:
        """Wait while more waits than any file of a usual size gives answers to."""
        await self._room.wait()

    def end(self) -> None:
        """Say that nothing will be added."""
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """Return some whole pieces in a row, once there are any; None at the end."""
        while not (self._pieces or self._sizes):
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        if self._file is not None and self._sizes:
            self._file.seek(self._read_at)
            taken = self._file.read(self._sizes.popleft())
            self._read_at += len(taken)
            if not self._sizes:
                self._read_at = self._written_to = 0
                self._file.truncate(0)
                self._room.set()
            return taken
        return self._take_held()

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    def _take_held(self) -> bytes:
        taken = [self._pieces.popleft()]
        size = len(taken[0])
        while self._pieces and size + len(self._pieces[0]) <= _TAKEN_AT_ONCE:
            size += len(self._pieces[0])
            taken.append(self._pieces.popleft())
        self._held -= size
        return b"".join(taken)

    def _put_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - close() closes it
        while self._pieces:
            part = self._take_held()
            try:
                self._write(part)
            except OSError:
                # Nothing of it counts, and nothing behind it may be taken for what follows.
                self._pieces.appendleft(part)
                self._held += len(part)
                raise
            self._sizes.append(len(part))
        if self._written_to > self._most:
            self._room.clear()

    def _write(self, part: bytes) -> None:
        assert self._file is not None
        self._file.seek(self._written_to)
        rest = memoryview(part)
        # A disk that has nearly no room takes a little, and says so only when it is asked again.
        while rest:
            rest = rest[self._file.write(rest) :]
        self._written_to += len(part)
