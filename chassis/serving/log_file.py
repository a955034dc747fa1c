"""Standard output as a file for log lines that never makes its writer wait, and never raises.

A separate thread writes. If the disk is full, or the reader of a pipe stops reading, lines are dropped and counted:
a service must go on without its log.

It holds the lock of the file (flock) while it writes. A program that holds the lock can copy and empty the file, and
loses no line.
"""

import atexit
import contextlib
import fcntl
import os
import queue
import select
import threading
from collections.abc import Iterator

import structlog
from prometheus_client import Counter

log = structlog.get_logger()

DROPPED = Counter("log_lines_dropped_total", "Log lines that could not be written, or came faster than they could be.")

_MOST_WAITING = 10_000
_MOST_AT_ONCE = 500
_CLOSE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 1.0


class LogFile:
    """Has the methods of a text file that structlog calls."""

    def __init__(self, descriptor: int) -> None:
        """Set up. Lines that wait when the process ends are written within a second, or lost."""
        self._descriptor = descriptor
        self._waiting: queue.Queue[str] = queue.Queue(_MOST_WAITING)
        self._dropped = 0
        self._torn = False
        """Whether the last line may be incomplete in the file."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: str) -> None:
        """Write a line soon."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._drop(1)

    def flush(self) -> None:
        """Do nothing: the thread writes without a buffer."""

    def close(self) -> None:
        """Write the waiting lines, for at most a second."""
        self._closing.set()
        self.write("")  # wakes the thread
        self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        while not (self._closing.is_set() and self._waiting.empty()):
            lines = [self._waiting.get()]
            while len(lines) < _MOST_AT_ONCE and not self._waiting.empty():
                lines.append(self._waiting.get())
            with self._locked():
                left = self._write_all("".join(lines))
            if left:
                self._drop(left)
                continue
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                log.warning("log_lines_dropped", count=dropped)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # Some file systems have no locks. Writing goes on without.
        with contextlib.suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _write_all(self, text: str) -> int:
        """Write lines; return how many of them could not be written."""
        left = (f"\n{text}" if self._torn else text).encode()
        whole = len(left)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                # A pipe whose reader is slow.
                select.select((), (self._descriptor,), (), _LOOK_AGAIN_SECONDS)
            except OSError:
                self._torn = self._torn or not left.startswith(b"\n") or len(left) < whole
                return left.count(b"\n")
        self._torn = False
        return 0

    def _drop(self, count: int) -> None:
        self._dropped += count
        DROPPED.inc(count)
