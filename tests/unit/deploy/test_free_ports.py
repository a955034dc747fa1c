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
    # Another worker of the tests may have claimed some of these.
    free = [port for port in candidates[:: len(candidates) // 8] if ports.is_free(port)]
    port = next(port for port in free if find_elsewhere(port).stdout)
    assert find_elsewhere(port).stdout == f"[{port}]\n"


def test_same_port_is_not_found_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = ports.find_free(3)
    monkeypatch.setattr(ports, "_candidates", lambda: list(numbers))
    monkeypatch.setattr(ports, "_unused", [])
    with pytest.raises(OSError, match="not enough free ports"):
        ports.find_free(1)


@pytest.mark.parametrize(
    ("outgoing", "expected"),
    [
        ("10050\t65500\n", [*range(10_000, 10_050), *range(65_501, 65_536)]),
        ("32768 60999", [*range(10_000, 32_768), *range(61_000, 65_536)]),
        ("1024 65535", [*range(10_000, 32_000)]),
    ],
)
def test_ports_of_outgoing_connections_are_not_candidates(
    outgoing: str, expected: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "range"
    file.write_text(outgoing)
    monkeypatch.setattr(ports, "_OUTGOING", file)
    assert ports._candidates() == expected


def test_many_ports_need_few_file_descriptors() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(40):
        ports.find_free(25)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 15
