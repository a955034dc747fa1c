"""The lock of a root folder: only one constellation at a time may use it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import private_files


class RootInUse(Exception):
    """Another constellation is starting, running or stopping in this root folder."""


@contextmanager
def root_lock(path: Path) -> Iterator[None]:
    """Hold the lock. The kernel releases it when this process ends, even after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb", opener=private_files.opener) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootInUse(
                f"{path.parent} is in use by another command: wait until that command has finished, or stop it"
            ) from None
        yield
