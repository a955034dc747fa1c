"""Rotation of a log that a process writes: no line is lost, the file stays the same, and a full disk harms nothing."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from deploy.local import private_files, rotation
from deploy.local.layout import CHECKOUT
from deploy.local.rotation import rotate

SERVICE = """
import time, structlog
from chassis.serving.logs import set_up_logging

set_up_logging("tests", "info")
log = structlog.get_logger()
for number in range(100_000):
    log.info("line", number=number)
    if number % 1000 == 0:
        time.sleep(0.01)  # faster than this, lines are dropped
"""
# The limit on the size of files stands for a full disk.
FULL_DISK = """
import resource, sys
from pathlib import Path
from deploy.local.rotation import rotate

_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))
for _ in range(3):
    try:
        rotate(Path(sys.argv[1]), 3)
    except OSError as error:
        print(error.strerror)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "component.log"


def append(path: Path, text: str) -> None:
    with private_files.open_log(path) as file:
        file.write(text.encode())


def contents(path: Path) -> dict[str, str]:
    return {file.name.removeprefix(path.name): file.read_text() for file in path.parent.iterdir()}


def rotated_while_running(path: Path, process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Rotate as often as possible, and yield what each rotation moved; at last what is left."""
    while process.poll() is None:
        if path.stat().st_size:
            rotate(path, 1)
            yield path.with_name("component.log.1").read_text()
    yield path.read_text()


def test_service_loses_no_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = rotation._copy

    def copy_slowly(source: BinaryIO, target: BinaryIO, offset: int) -> int:
        end = copy(source, target, offset)
        time.sleep(0.02)  # a slow disk; meanwhile the service writes
        return end

    monkeypatch.setattr(rotation, "_copy", copy_slowly)
    with private_files.open_log(path) as log:
        process = subprocess.Popen((sys.executable, "-c", SERVICE), cwd=CHECKOUT, stdout=log)
    pieces = [*rotated_while_running(path, process)]
    assert process.returncode == 0
    assert len(pieces) > 10
    assert all(piece.endswith("\n") for piece in pieces if piece)
    assert [json.loads(line)["number"] for piece in pieces for line in piece.splitlines()] == [*range(100_000)]


def test_oldest_goes_and_log_stays_the_same_file(path: Path) -> None:
    append(path, "0\n")
    path.chmod(0o640)
    before = path.stat()
    for number in range(1, 5):
        rotate(path, 3)
        append(path, f"{number}\n")
        path.chmod(0o640)
    assert contents(path) == {"": "4\n", ".1": "3\n", ".2": "2\n", ".3": "1\n"}
    after, copy = path.stat(), path.with_name("component.log.1").stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (copy.st_mode, copy.st_uid, copy.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    rotate(path, 1)
    assert contents(path) == {"": "", ".1": "4\n"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_copy_has_the_owner_of_the_log(path: Path) -> None:
    append(path, "0\n")
    os.chown(path, 65534, 65534)
    rotate(path, 3)
    copy = path.with_name("component.log.1").stat()
    assert (copy.st_uid, copy.st_gid) == (65534, 65534)


def test_full_disk_costs_no_line_of_the_log(path: Path) -> None:
    for number in range(3):
        append(path, f"{number}\n")
        rotate(path, 3)
    append(path, "x" * 100 + "\n")
    ran = subprocess.run(
        (sys.executable, "-c", FULL_DISK, str(path)), cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, timeout=60
    )
    assert ran.stdout.decode().splitlines() == ["File too large"] * 3
    # The first attempt dropped the oldest, to make room; the others nothing.
    assert contents(path) == {"": "x" * 100 + "\n", ".2": "2\n", ".3": "1\n"}
    rotate(path, 3)
    assert contents(path) == {"": "", ".1": "x" * 100 + "\n", ".2": "2\n", ".3": "1\n"}


def test_component_that_holds_the_lock_delays_for_a_second(path: Path) -> None:
    append(path, "0\n")
    with private_files.open_log(path) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            rotate(path, 3)
        assert contents(path) == {"": "0\n"}
    rotate(path, 3)
    assert contents(path) == {"": "", ".1": "0\n"}
