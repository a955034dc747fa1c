"""Logs are rotated while the platform runs under load: each is bounded, and no line of a service is lost."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local import private_files
from deploy.local.constellation import Constellation
from deploy.local.layout import CHECKOUT
from deploy.local.ports import Ports
from tests.platform import Platform
from tests.waiting import eventually

FULL = 20_000
KEPT = 40
"""More than the load fills, so that the test finds every line."""
FILLER = b"filler\n"


@pytest_asyncio.fixture(scope="module")
async def constellation(open_folder: Path) -> AsyncIterator[Constellation]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRDB_LOG_FILE_BYTES", str(FULL))
        patch.setenv("FAIRDB_LOG_FILES_KEPT", str(KEPT))
        async with Constellation(open_folder / "up", Ports.free()) as running:
            yield running


async def test_logs_are_rotated_under_load(constellation: Constellation) -> None:
    before = {path: path.stat() for path in constellation.log_files.values()}
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=35) as http:
        platform = Platform(constellation, http)
        with following(constellation, "gateway") as shown:
            ids = await call_until_rotated(platform, [constellation.layout.log("gateway")])
            fill(constellation)
            ids += await call_until_rotated(platform, list(before))
            # `make logs` shows lines that were written after the rotations.
            last = await call_until_rotated(platform, [])
            await eventually(lambda: shows(shown, last))
    # The last lines are written soon.
    await eventually(lambda: logged(constellation, ids))
    await eventually(lambda: all_below(FULL, before))
    for name, path in constellation.log_files.items():
        original, after, copy = before[path], path.stat(), rotated(path)[0].stat()
        assert (after.st_ino, after.st_mode, after.st_uid) == (original.st_ino, original.st_mode, original.st_uid)
        assert (copy.st_mode, copy.st_uid) == (original.st_mode, original.st_uid)
        # Whoever does not append would go on where it was, and leave a gap in the file.
        assert appends(constellation.pid(name)), name
    await constellation.stop_all()
    for path in before:
        assert b"\0" not in path.read_bytes(), path


async def call_until_rotated(platform: Platform, paths: list[Path]) -> list[str]:
    """Make calls, which services log because they fail, until each log has been rotated; return their ids."""
    researcher = await platform.account()
    ids: list[str] = []

    async def call() -> bool:
        answers = await asyncio.gather(*(researcher.call("GET", f"/api/samples/{uuid4()}") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {404}
        ids.extend(answer.headers["x-correlation-id"] for answer in answers)
        return all(rotated(path) and FILLER not in path.read_bytes() for path in paths)

    await eventually(call)
    return ids


async def shows(output: IO[bytes], ids: list[str]) -> bool:
    # The child shares the file's position, which must stay at the end.
    text = os.pread(output.fileno(), 10_000_000, 0).decode()
    return all(id in text for id in ids)


async def all_below(size: int, paths: Iterable[Path]) -> bool:
    return all(path.stat().st_size < size for path in paths)


def fill(constellation: Constellation) -> None:
    """Fill up each log, as if its component had written much."""
    for path in constellation.log_files.values():
        with private_files.open_log(path) as file:
            file.write(FILLER * (FULL // len(FILLER) + 1))


def rotated(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*"))


async def logged(constellation: Constellation, ids: list[str]) -> bool:
    """Return whether the logs of the gateway and of backend_svc name each request."""
    logs = [constellation.layout.log(name) for name in ("gateway", "backend_svc")]
    texts = ["".join(file.read_text() for file in (path, *rotated(path))) for path in logs]
    return all(id in text for id in ids for text in texts)


@contextmanager
def following(constellation: Constellation, component: str) -> Iterator[IO[bytes]]:
    """Follow a log as `make logs` does; yield a file with what it shows."""
    command = (sys.executable, "-m", "deploy.local", "logs", component, "--root", str(constellation.layout.root))
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=output)
        try:
            yield output
        finally:
            process.terminate()
            process.wait(10)


def appends(pid: int) -> bool:
    """Return whether a process and its children append to standard output, if that is a file."""
    tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    infos = (Path(f"/proc/{each}/fdinfo/1").read_text() for each in tree if Path(f"/proc/{each}/fd/1").is_file())
    flags = [int(re.findall(r"flags:\s*([0-7]+)", info)[0], 8) for info in infos]
    return all(flag & 0o2000 for flag in flags)
