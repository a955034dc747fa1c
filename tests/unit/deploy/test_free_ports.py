"""Free ports: no two processes receive the same one."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import ports

FIND = """
from deploy.local import ports
ports._candidates = lambda: [{port}]
print(ports.find_free(1))
"""


def find_elsewhere(port: int) -> subprocess.CompletedProcess[str]:
    """Let another process look for a free port where there is only one candidate."""
    command = [sys.executable, "-c", FIND.format(port=port)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_other_process_receives_a_port_that_was_found() -> None:
    (port,) = ports.find_free(1)
    answer = find_elsewhere(port)
    assert "not enough free ports" in answer.stderr


def test_process_that_ended_frees_its_ports() -> None:
    candidates = ports._candidates()
    port = next(port for port in reversed(candidates) if ports.is_free(port))
    assert find_elsewhere(port).stdout == find_elsewhere(port).stdout == f"[{port}]\n"


def test_same_port_is_not_found_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = ports.find_free(3)
    monkeypatch.setattr(ports, "_candidates", lambda: list(numbers))
    with pytest.raises(OSError, match="not enough free ports"):
        ports.find_free(1)


def test_ports_of_outgoing_connections_are_not_candidates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outgoing = tmp_path / "range"
    outgoing.write_text("10050\t65500\n")
    monkeypatch.setattr(ports, "_OUTGOING", outgoing)
    assert ports._candidates() == [*range(10_000, 10_050), *range(65_501, 65_536)]
