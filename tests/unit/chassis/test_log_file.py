"""The log file: writing to it never raises and never waits, and what is lost is counted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.serving import log_file
from chassis.serving.log_file import DROPPED, LogFile
from deploy.local.layout import CHECKOUT

SERVICE = """
import structlog
from chassis.serving.logs import set_up_logging

set_up_logging("tests", "info")
log = structlog.get_logger()
"""
LOOP = (
    SERVICE
    + """
loop = []
loop.append(loop)
log.info("circular", field=loop)
log.info("after")
"""
)
MANY = (
    SERVICE
    + """
for number in range(3000):
    log.info("line", number=number)
"""
)


# The limit on the size of files stands for a full disk: a line is written in part, and then fails.
FULL = (
    SERVICE
    + """
import os, resource, time
from chassis.serving.log_file import DROPPED

def wait_until(met):
    while not met():
        time.sleep(0.01)

log.info("first")
wait_until(lambda: os.fstat(1).st_size)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.fstat(1).st_size + 20, hard))
log.info("second")
wait_until(DROPPED._value.get)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.info("third")
"""
)


def dropped() -> float:
    return DROPPED._value.get()


def test_all_lines_are_written_before_the_process_ends() -> None:
    ran = subprocess.run((sys.executable, "-c", MANY), cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
    assert [json.loads(line)["number"] for line in ran.stdout.splitlines()] == [*range(3000)]


def test_event_that_json_cannot_express_does_not_raise() -> None:
    ran = subprocess.run((sys.executable, "-c", LOOP), cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
    circular, after = map(json.loads, ran.stdout.splitlines())
    assert (circular["event"], after["event"]) == ("circular", "after")
    assert circular["unwritable"] in ("ValueError", "RecursionError")


def test_service_with_a_full_log_does_not_fail() -> None:
    with Path("/dev/full").open("wb") as full:
        subprocess.run((sys.executable, "-c", MANY), cwd=CHECKOUT, check=True, stdout=full, timeout=60)


def test_lines_are_written_again_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab") as file:
        subprocess.run((sys.executable, "-c", FULL), cwd=CHECKOUT, check=True, stdout=file, timeout=60)
    first, torn, *others = path.read_text().splitlines()
    assert json.loads(first)["event"] == "first"
    assert json.dumps({"event": "second"})[:8] == torn[:8]
    assert [json.loads(line)["event"] for line in others] == ["third", "log_lines_dropped"]
    assert json.loads(others[1])["count"] == 1


def test_reader_that_stops_reading_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "_MOST_WAITING", 100)
    monkeypatch.setattr(log_file, "_CLOSE_SECONDS", 0.01)
    read, write = os.pipe()
    file = LogFile(write)
    before = dropped()
    for _ in range(100_000):
        file.write("x" * 99 + "\n")
    assert dropped() > before + 50_000
    os.close(read)  # ends the thread's wait
    file.close()
