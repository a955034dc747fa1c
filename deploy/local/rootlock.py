"""The lock of a root folder: one constellation at a time is started, runs or is ended there."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RootInUse(Exception):
    """Another constellation is being started, runs or is being ended in this root folder."""


@contextmanager
def root_lock(path: Path) -> Iterator[None]:
    """Hold the lock. The kernel gives it back when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootInUse(f"{path.parent} is in use by another command") from None
        yield
