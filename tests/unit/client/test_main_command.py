"""The `fairdb` command itself: its version, and what the demo needs."""

from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console

from fairdatabase.client.commands.demo import show_next
from tests.unit.client.commands import run


def test_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"fairdb {version('fairdatabase')}\n"


def test_demo_without_its_tables_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("demo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "The demo failed: .fairdb/data does not contain moving_pictures_mf.tsv and atlas_meta_data.csv: "
        "run `make demo` in a checkout of FAIRDatabase, which downloads the tables, or set --data to their folder\n"
    )


@pytest.mark.parametrize(
    ("root", "expected"), [(".fairdb/demo", "The state of this demo is in .fairdb/demo. "), ("", "")]
)
def test_demo_ends_with_what_to_do_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: str, expected: str
) -> None:
    monkeypatch.setenv("FAIRDB_ROOT", root)
    show_next(Console())
    assert capsys.readouterr().out == f"{expected}Next: run `make up` and follow docs/tutorial.md.\n"
