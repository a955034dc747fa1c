"""`fairdb import` against a platform that answers as it is told to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

from fairdatabase.client import access
from fairdatabase.client.imports import rows
from fairdatabase.client.session import ApiError, Imported
from tests.unit.client.commands import run

Answer = Callable[[list[dict[str, Any]]], Imported]


def stored(rows: list[dict[str, Any]], repeated: int = 0) -> Imported:
    return Imported([{"id": row["requestId"]} for row in rows], repeated)


def refuse(reason: str, message: str = "no", **metadata: str) -> Answer:
    error = {"reason": reason, "message": message, "violations": [], "metadata": metadata}
    return lambda rows: Imported([{"error": error} for _ in rows], 0)


class Platform:
    """A session whose imports are answered in turn; the last answer stays."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [stored]

    def import_rows(self, content: bytes, *, study: str, organism: str) -> Imported:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer([json.loads(line) for line in content.splitlines()])


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    made = Platform()

    @contextmanager
    def logged_in(edge_url: str, email: str) -> Iterator[Platform]:
        with access.told(edge_url):
            yield made

    monkeypatch.setattr(access, "logged_in", logged_in)
    monkeypatch.setattr("fairdatabase.client.imports.sending._PAUSES", (0.0,))
    monkeypatch.chdir(tmp_path)
    return made


def importing(*words: object, rows: int = 2, name: str = "t.csv") -> Result:
    """Import a table of so many rows."""
    Path(name).write_text("organism,age\n" + "".join(f"E. coli,{n}\n" for n in range(rows)))
    return run("import", name, "--email", "a@example.org", *words)


def raising(error: BaseException) -> Answer:
    def answer(rows: list[dict[str, Any]]) -> Imported:
        raise error

    return answer


@pytest.mark.parametrize(
    ("rows", "repeated", "told"),
    [
        (363, 63, "363 rows: 300 new, 63 stored before, 0 refused\n"),
        (1, 0, "1 row: 1 new, 0 stored before, 0 refused\n"),
    ],
)
def test_rows_that_were_stored_before_are_counted(platform: Platform, rows: int, repeated: int, told: str) -> None:
    platform.answers = [lambda found: stored(found, repeated)]
    result = importing(rows=rows)
    assert (result.exit_code, result.stdout, result.stderr) == (0, told, "")


def test_a_lost_answer_leaves_open_which_rows_are_new(platform: Platform) -> None:
    platform.answers = [raising(httpx.ReadError("lost")), lambda found: stored(found, 2)]
    result = importing(rows=3)
    assert result.stdout.splitlines() == [
        "3 rows: 1 new, 2 stored before, 0 refused",
        "Of those stored before, up to 2 are of this import: an answer was lost on the way.",
    ]


def test_a_row_that_was_mended_elsewhere_is_not_to_be_mended_again(platform: Platform) -> None:
    platform.answers = [refuse("IDEMPOTENCY_KEY_REUSED", "choose a fresh key")]
    result = importing("--refused", "r.csv")
    assert result.exit_code == 1
    assert "Stored already, from the file of refused rows." in result.stdout
    assert "fresh key" not in result.stdout
    assert not Path("r.csv").exists()


def test_a_key_that_the_file_brings_is_the_files_to_choose(platform: Platform) -> None:
    platform.answers = [refuse("IDEMPOTENCY_KEY_REUSED", "choose a fresh key")]
    Path("t.csv").write_text("requestId,organism\nmine,a\n")
    result = run("import", "t.csv", "--email", "a@example.org", "--refused", "r.csv")
    assert "choose a fresh key" in result.stdout
    assert Path("r.csv").read_text() == Path("t.csv").read_text()


@pytest.mark.parametrize("option", ["--report", "--refused"])
def test_what_is_there_already_is_overwritten_by_force_only(platform: Platform, option: str) -> None:
    there = Path("there.csv")
    there.write_text("old")
    platform.answers = [refuse("INVALID_REQUEST")]
    result = importing(option, there)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there.csv: is there already: --force overwrites it" in result.stderr
    assert there.read_text() == "old"
    assert importing(option, there, "--force").exit_code == 1
    assert "old" not in there.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--report", "a.csv", "--refused", "./a.csv"), "cannot be report and refused rows in one"),
        (("--report", "t.csv", "--force"), "is an input, which is not overwritten"),
        (("--refused", "t.csv", "--force"), "is an input, which is not overwritten"),
        (("--refused", "none/r.csv"), "there is no such folder"),
        (("--refused", "r.ndjson"), "its rows are CSV"),
        (("--refused", "r.tsv"), "its rows are CSV"),
        (("--format", "tsv", "--refused", "r.csv"), "its rows are TSV"),
        (("--edge-url", "127.0.0.1:8000"), "write http://127.0.0.1:8000"),
    ],
)
def test_options_that_do_not_fit_are_told_of(platform: Platform, words: tuple[str, ...], told: str) -> None:
    platform.answers = [raising(AssertionError("sent"))]
    result = importing(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", ["-", "/dev/null"])
def test_only_an_ordinary_file_can_be_sent_again(platform: Platform, name: str) -> None:
    result = run("import", name, "--email", "a@example.org", "--format", "csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name}: is no ordinary file" in result.stderr


def test_nothing_to_mend_leaves_no_file(platform: Platform) -> None:
    assert importing("--refused", "r.csv", "--report", "report.csv").exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["report.csv", "t.csv"]


def test_rows_too_large_to_be_written_out_are_told_of(platform: Platform) -> None:
    large = "x" * 1_100_000
    Path("t.csv").write_text(f"organism,age\na,1\nb,{large}\nc\n")
    result = run("import", "t.csv", "--email", "a@example.org", "--refused", "r.csv")
    assert result.exit_code == 1
    assert result.stderr == "Not in r.csv: row 2, larger than 1 MB: mend t.csv instead\n"
    assert len(Path("r.csv").read_text().splitlines()) == 2


def test_a_missing_consent_of_donors_is_told_of_once(platform: Platform) -> None:
    platform.answers = [refuse("CONSENT_REQUIRED", of="subject")]
    assert importing().stdout.count("The column subject names a row's donor: grant a consent for each donor") == 1
    platform.answers = [refuse("CONSENT_REQUIRED", of="account")]
    assert "column subject" not in importing().stdout


def test_who_mends_is_told_to_do_one_thing(platform: Platform) -> None:
    platform.answers = [refuse("INVALID_REQUEST")]
    result = importing("--refused", "r.csv")
    assert "Mend and import r.csv, or mend t.csv and import that: the one or the other, never both." in result.stdout


def test_an_import_that_is_refused_as_a_whole_is_bad_input(platform: Platform) -> None:
    error = ApiError(400, "INVALID_REQUEST", "Mend it.", [("study", "must be a UUID")])
    platform.answers = [raising(error)]
    result = importing("--study", "nope", "--report", "report.csv", "--refused", "r.csv", rows=900)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Refused: 400 INVALID_REQUEST: Mend it. study: must be a UUID\n"
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("error", "code", "advised"),
    [
        (ApiError(401, "UNAUTHENTICATED", "Log in.", ()), 1, True),
        (ApiError(403, "ACCESS_DENIED", "No.", ()), 1, False),
        (ApiError(429, "OVERLOADED", "Later.", ()), 1, True),
        (httpx.ConnectError("away"), 1, True),
    ],
)
def test_what_is_not_the_files_fault_is_no_bad_input(
    platform: Platform, error: Exception, code: int, advised: bool
) -> None:
    platform.answers = [raising(error)]
    result = importing()
    assert (result.exit_code, result.stdout) == (code, "")
    assert ("0 rows were dealt with; the same command goes on from there" in result.stderr) == advised


def test_an_import_that_is_interrupted_says_how_it_goes_on(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr("fairdatabase.client.imports.sending._IN_FLIGHT", 1)
    platform.answers = [stored, raising(KeyboardInterrupt())]
    result = importing("--report", "report.csv", rows=3)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == (
        "Interrupted: 1 row was dealt with; "
        "the same command with --force goes on from there, and stores nothing twice\n"
    )
    assert len(Path("report.csv").read_text().splitlines()) == 2
