"""Rotation: keeps each component's log from filling the disk while the component runs. The process `authority` does it.

A component inherits its log as an open file, and may be unable to enter the folder. So nobody is asked to open another
file: a full log is copied and then emptied. docs/decisions/logs.md says why no line of a service is lost.
"""

import asyncio
import fcntl
import os
import time
from itertools import count, takewhile
from pathlib import Path
from typing import Annotated, BinaryIO

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local import private_files
from deploy.local.layout import Layout

log = structlog.get_logger()

_PAUSE = 1.0
_PAUSE_AFTER_FAILURE = 30.0
_LOCK_SECONDS = 1.0
_AT_ONCE = 1 << 20


class LogSettings(BaseSettings):
    """How much of each log is kept."""

    model_config = SettingsConfigDict(env_prefix="FAIRDB_", frozen=True)

    log_file_bytes: Annotated[int, Field(ge=4096)] = 10_000_000
    """Size at which the log of a component is rotated. A burst may exceed it for a second."""
    log_files_kept: Annotated[int, Field(ge=1)] = 5
    """How many rotated files of each log are kept: `gateway.log.1` is the newest."""

    def environment(self) -> dict[str, str]:
        """Return the variables that give another process these settings."""
        return {f"FAIRDB_{name.upper()}": str(value) for name, value in self.model_dump().items()}


async def keep_rotating(layout: Layout, settings: LogSettings) -> None:
    """Rotate logs that are full, until cancelled."""
    failing: set[Path] = set()
    while True:
        # In a thread, because a slow disk must not delay the renewal of certificates.
        await asyncio.to_thread(_rotate_full, layout.logs, settings, failing)
        await asyncio.sleep(_PAUSE_AFTER_FAILURE if failing else _PAUSE)


def _rotate_full(folder: Path, settings: LogSettings, failing: set[Path]) -> None:
    """Rotate each log of a folder that is full. `failing` holds those that could not be: they are reported once."""
    for path in folder.glob("*.log"):
        try:
            if path.stat().st_size >= settings.log_file_bytes:
                rotate(path, settings.log_files_kept)
            failing.discard(path)
        except OSError as error:
            if path not in failing:
                log.error("log_not_rotated", log=path.name, reason=error.strerror)
            failing.add(path)


def rotate(path: Path, kept: int) -> None:
    """Copy a log to `<log>.1` and empty it. If that raises OSError, the log is as before."""
    _make_room(path, kept)
    copy = _rotated(path, 1)
    try:
        with (
            path.open("rb+", buffering=0) as full,
            open(copy, "wb", buffering=0, opener=private_files.opener) as target,
        ):
            status = os.fstat(full.fileno())
            os.fchown(target.fileno(), status.st_uid, status.st_gid)
            os.fchmod(target.fileno(), status.st_mode & 0o777)
            copied = _copy(full, target, 0)
            # Services write only while they hold this lock. It ends when the file is closed.
            _lock(full)
            _copy(full, target, copied)
            full.truncate(0)
    except OSError:
        copy.unlink(missing_ok=True)
        raise


def _make_room(path: Path, kept: int) -> None:
    """Give each rotated file the next number, and drop those above `kept`: before the copy, as the disk may be full."""
    for surplus in takewhile(Path.exists, (_rotated(path, number) for number in count(kept + 1))):
        surplus.unlink()
    # After a failure there is no first file, so the others stay.
    if _rotated(path, 1).exists():
        for number in range(kept - 1, 0, -1):
            if _rotated(path, number).exists():
                _rotated(path, number).replace(_rotated(path, number + 1))


def _rotated(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _copy(source: BinaryIO, target: BinaryIO, offset: int) -> int:
    """Append to a file all that another contains from `offset` on; return the offset where that ends."""
    while sent := os.sendfile(target.fileno(), source.fileno(), offset, _AT_ONCE):
        offset += sent
    return offset


def _lock(file: BinaryIO) -> None:
    """Take the lock of a file; raise BlockingIOError after a second, so that no component can hold us up for ever."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)
