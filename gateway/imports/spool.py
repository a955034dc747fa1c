"""The spool: answers that the caller has not read yet, a few in memory and the rest in an unnamed temporary file."""

import asyncio
import tempfile
from collections import deque

_MEMORY_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_FILE_BYTES = 512 * 1024 * 1024
"""Maximum size of the file, so that unread answers cannot fill the disk. The file shrinks only when it is all read."""


class Spool:
    """A first-in, first-out queue of answers; adding one never waits.

    A caller may therefore send a whole file before it reads the first answer. Answers leave the queue in pieces, each
    of one or more whole answers.
    """

    def __init__(self, memory_bytes: int = _MEMORY_BYTES, file_bytes: int = _FILE_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._file_bytes = file_bytes
        self._answers: deque[bytes] = deque()
        """The answers in memory, which are newer than those in the file."""
        self._held = 0
        self._file = None
        self._sizes: deque[int] = deque()
        """The size of each piece in the file, oldest first."""
        self._read_at = self._written_to = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False

    def put(self, answer: bytes) -> None:
        """Add an answer. Raises OSError when the disk is full."""
        self._answers.append(answer)
        self._held += len(answer)
        if self._held > self._memory_bytes:
            self._move_to_file()
        self._changed.set()

    async def has_room(self) -> None:
        """Wait while the unread backlog exceeds the limit."""
        await self._room.wait()

    def end(self) -> None:
        """Declare that no more answers will be added."""
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """Wait for answers, and remove and return the oldest piece; return None after the last one."""
        while not (self._answers or self._sizes):
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        if self._file is not None and self._sizes:
            self._file.seek(self._read_at)
            piece = self._file.read(self._sizes.popleft())
            self._read_at += len(piece)
            if not self._sizes:
                self._read_at = self._written_to = 0
                self._file.truncate(0)
                self._room.set()
            return piece
        return self._take_from_memory()

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()

    def _take_from_memory(self) -> bytes:
        taken = [self._answers.popleft()]
        size = len(taken[0])
        while self._answers and size + len(self._answers[0]) <= _PIECE_BYTES:
            size += len(self._answers[0])
            taken.append(self._answers.popleft())
        self._held -= size
        return b"".join(taken)

    def _move_to_file(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - close() closes it
        while self._answers:
            piece = self._take_from_memory()
            try:
                self._write(piece)
            except OSError:
                # Keep the piece in memory. `_written_to` has not advanced, so the next write overwrites this one.
                self._answers.appendleft(piece)
                self._held += len(piece)
                raise
            self._sizes.append(len(piece))
        if self._written_to > self._file_bytes:
            self._room.clear()

    def _write(self, piece: bytes) -> None:
        assert self._file is not None  # noqa: S101 - the caller has opened it
        self._file.seek(self._written_to)
        rest = memoryview(piece)
        # A nearly full disk accepts part of a write; the next write then raises.
        while rest:
            rest = rest[self._file.write(rest) :]
        self._written_to += len(piece)
