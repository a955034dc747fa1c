"""`fairdb anonymize` writes all of its files or none, and overwrites only with --force."""

import errno
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairdatabase.anonymity.tables import writing
from tests.unit.client.commands import run, study, write

QUASI = ("--quasi", "age,town,day")


def test_only_ordinary_files_are_replaced_and_never_inputs(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    common = ("anonymize", file, "--quasi", "town", "--k", "2", "--recoding", "full")
    pipe, target, link, tree = (tmp_path / name for name in ("pipe", "target.csv", "link.csv", "tree.csv"))
    os.mkfifo(pipe)
    result = run(*common, "--out", pipe)
    assert (result.exit_code, "is not an ordinary file" in result.stderr) == (2, True)
    assert pipe.is_fifo()

    target.write_text("old")
    link.symlink_to(target)
    assert run(*common, "--out", link).exit_code == 2
    assert run(*common, "--out", link, "--force").exit_code == 0
    assert link.is_symlink()
    assert target.read_text().startswith("town,kit")

    tree.write_text("Ghent,Low\nDelft,Low\nCork,High\n")
    result = run(*common, "--hierarchy", f"town={tree}", "--out", tree)
    assert (result.exit_code, "is an input, and inputs are never overwritten" in result.stderr) == (2, True)
    assert tree.read_text().startswith("Ghent")


def test_existing_files_are_overwritten_only_with_force(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    common = ("anonymize", file, *QUASI, "--report", tmp_path / "r", "--out", tmp_path / "o.csv")
    for name in ("o.csv", "r.md", "r.json", "r.svg"):
        there = tmp_path / name
        there.write_text("old")
        result = run(*common)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{there}: exists already: use --force to overwrite it" in result.stderr
        assert sorted(os.listdir(tmp_path)) == sorted([name, "t.csv"])
        there.unlink()
    (tmp_path / "o.csv").write_text("old")
    assert run(*common, "--force").exit_code == 0
    assert (tmp_path / "o.csv").read_text().count("\n") > 50


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("fault", [".csv", ".svg", ".md"])
def test_failed_write_leaves_no_file_and_restores_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool, fault: str
) -> None:
    file = write(tmp_path / "t.csv", study())
    if force:
        (tmp_path / "o.csv").write_text("old")
        (tmp_path / "r.json").write_text("old as well")
    there = {path.name: path.read_text() for path in tmp_path.iterdir()}
    rename = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if Path(target).suffix == fault:
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    options = ("--force",) if force else ()
    result = run("anonymize", file, *QUASI, "--report", tmp_path / "r", "--out", tmp_path / "o.csv", *options)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / 'o.csv'}: No space left on device\n")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == there


def test_file_created_during_the_run_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = write(tmp_path / "t.csv", study()), tmp_path / "o.csv"

    def work(*parts: object, **options: object) -> None:
        out.write_text("precious")

    monkeypatch.setattr(writing, "write_rows", work)
    result = run("anonymize", file, *QUASI, "--out", out, "--report", tmp_path / "r")
    assert (result.exit_code, result.stderr) == (2, f"{out}: File exists\n")
    assert (out.read_text(), sorted(os.listdir(tmp_path))) == ("precious", ["o.csv", "t.csv"])


def test_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    file, out = write(tmp_path / "t.csv", study()), tmp_path / "o.csv"
    out.touch(0o600)
    assert run("anonymize", file, *QUASI, "--out", out, "--force").exit_code == 0
    assert (out.stat().st_mode & 0o777, sorted(os.listdir(tmp_path))) == (0o600, ["o.csv", "t.csv"])


def test_sigterm_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "t.csv", study())
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(writing, "write_rows", lambda *parts: signal.raise_signal(signal.SIGTERM))
    assert run("anonymize", file, *QUASI, "--out", tmp_path / "o.csv").exit_code == 128 + signal.SIGTERM
    assert os.listdir(tmp_path) == ["t.csv"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_closed_stdout_is_accepted(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study(6))
    words = (
        Path(sys.executable).with_name("fairdb"),
        "anonymize",
        file,
        *QUASI,
        "--k",
        "2",
        "--out",
        tmp_path / "o.csv",
    )
    line = f"exec {shlex.join(map(str, words))} >&-"
    done = subprocess.run(["bash", "-c", line], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "o.csv").exists()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="/dev/stdout does not exist")
def test_table_is_not_written_to_the_output_of_the_command(tmp_path: Path) -> None:
    file, printed = write(tmp_path / "t.csv", study()), tmp_path / "printed.csv"
    command = [str(Path(sys.executable).with_name("fairdb")), "anonymize", str(file), *QUASI, "--force", "--out"]
    for out in ("/dev/stdout", str(printed)):
        with printed.open("w") as opened:
            done = subprocess.run([*command, out], stdout=opened, stderr=subprocess.PIPE, text=True, check=False)
        expected = f"{out}: is the command's own output: name another file\n"
        assert (done.returncode, done.stderr, printed.read_text()) == (2, expected, "")
    done = subprocess.run([*command, "/dev/stdout"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "/dev/stdout: is not an ordinary file\n")
