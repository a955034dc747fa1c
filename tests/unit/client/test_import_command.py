"""`fairdb import` with a fake platform that gives prepared answers."""

import csv
import json
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

from fairdatabase.client.access import platform_errors_explained
from fairdatabase.client.imports import rows
from fairdatabase.client.session import ApiError, Imported
from tests.unit.client.commands import run, write_excel

Answer = Callable[[list[dict[str, Any]]], Imported]


def stored(rows: list[dict[str, Any]], repeated: int = 0) -> Imported:
    return Imported([{"id": row["requestId"]} for row in rows], repeated)


def refuse(reason: str, message: str = "no", **metadata: str) -> Answer:
    error = {"reason": reason, "message": message, "violations": [], "metadata": metadata}
    return lambda rows: Imported([{"error": error} for _ in rows], 0)


class Platform:
    """A session whose imports get the prepared answers in turn; the last answer repeats."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [stored]
        self.sent: list[dict[str, Any]] = []

    def import_rows(self, content: bytes, *, study: str, organism: str) -> Imported:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        rows = [json.loads(line) for line in content.splitlines()]
        self.sent += rows
        return answer(rows)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Platform:
    made = Platform()

    @contextmanager
    def logged_in(edge_url: str, email: str) -> Iterator[Platform]:
        with platform_errors_explained(edge_url):
            yield made

    monkeypatch.setattr("fairdatabase.client.commands.importing.logged_in", logged_in)
    monkeypatch.setattr("fairdatabase.client.imports.sending._RETRY_DELAYS", (0.0,))
    monkeypatch.chdir(tmp_path)
    return made


def importing(*words: object, rows: int = 2, name: str = "t.csv") -> Result:
    """Import a table with this number of rows."""
    Path(name).write_text("organism,age\n" + "".join(f"E. coli,{n}\n" for n in range(rows)))
    return run("import", name, "--email", "a@example.org", *words)


def raising(error: BaseException) -> Answer:
    def answer(rows: list[dict[str, Any]]) -> Imported:
        raise error

    return answer


@pytest.mark.parametrize(
    ("rows", "repeated", "expected"),
    [
        (363, 63, "363 rows: 300 new, 63 stored before, 0 refused\n"),
        (1, 0, "1 row: 1 new, 0 stored before, 0 refused\n"),
    ],
)
def test_rows_that_were_stored_before_are_counted(platform: Platform, rows: int, repeated: int, expected: str) -> None:
    platform.answers = [lambda found: stored(found, repeated)]
    result = importing(rows=rows)
    assert (result.exit_code, result.stdout, result.stderr) == (0, expected, "")


def test_lost_answer_leaves_open_which_rows_are_new(platform: Platform) -> None:
    platform.answers = [raising(httpx.ReadError("lost")), lambda found: stored(found, 2)]
    result = importing(rows=3)
    assert result.stdout.splitlines() == [
        "3 rows: 1 new, 2 stored before, 0 refused",
        "An answer was lost, so this import may itself have stored up to 2 of the rows stored before.",
    ]


UNKNOWN, BAD = {"cause": "CAUSE_UNKNOWN", "reason": "unknown"}, {"cause": "CAUSE_VALUE", "reason": "must be a number"}


def drop(of_rows: list[list[str]]) -> Answer:
    """Store all rows, without the fields that are named for each."""

    def answer(rows: list[dict[str, Any]]) -> Imported:
        names = of_rows[: len(rows)]
        answers = [{"id": row["requestId"], "droppedFields": dropped} for row, dropped in zip(rows, names, strict=True)]
        counts = Counter(name for dropped in names for name in dropped)
        drops = [
            {"field": name, "rows": count, **(BAD if name == "age" else UNKNOWN)} for name, count in counts.items()
        ]
        return Imported(answers, 0, drops)

    return answer


def test_report_names_columns_once_and_values_for_each_row(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_ROWS_AT_ONCE", 2)
    platform.answers = [drop([["shoe size"], ["age", "shoe size"]]), drop([["age", "hat", "shoe size"], []])]
    result = importing("--report", "report.ndjson", rows=4)
    assert result.exit_code == 0
    columns, *of_rows = [json.loads(line) for line in Path("report.ndjson").read_text().splitlines()]
    assert columns == {"columns": [{"field": "shoe size", "reason": "unknown"}]}
    assert [row.get("droppedFields") for row in of_rows] == [None, ["age"], ["age", "hat"], None]
    assert "Dropped from every row, unknown: shoe size, hat" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if "must be a number" in line]
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["2", "age", "must be a number"]


def test_table_report_has_dropped_fields_in_the_last_column(platform: Platform) -> None:
    platform.answers = [drop([["shoe size", "age", "hat"], ["hat"]])]
    importing("--report", "report.csv")
    table = list(csv.DictReader(Path("report.csv").read_text().splitlines()))
    assert [(row["row"], row["field"], row["dropped"]) for row in table] == [
        ("", "shoe size", "shoe size"),
        ("", "hat", "hat"),
        ("1", "", "age"),
        ("2", "", ""),
    ]


def test_many_dropped_columns_and_values_are_summed_up(platform: Platform) -> None:
    names = [f"question {number}" for number in range(25)]
    drops = [{"field": f"f{number}", "rows": 1, "cause": "CAUSE_VALUE", "reason": "no"} for number in range(14)]
    platform.answers = [
        lambda rows: stored(rows)._replace(
            dropped=[*({"field": name, "rows": 2, **UNKNOWN} for name in names), *drops], more_dropped=7
        )
    ]
    output = importing().stdout
    assert "question 19 and 5 more" in output
    assert "4 more kinds of values were dropped. --report FILE names them for each row." in output
    assert "7 more values were dropped" in output


def test_row_corrected_in_the_refused_file_is_not_refused_again(platform: Platform) -> None:
    platform.answers = [refuse("IDEMPOTENCY_KEY_REUSED", "choose a fresh key")]
    result = importing("--refused", "r.csv")
    assert result.exit_code == 1
    assert "Already stored: its correction was imported before." in result.stdout
    assert "fresh key" not in result.stdout
    assert not Path("r.csv").exists()


def test_conflict_of_a_key_that_the_file_contains_is_reported_as_a_conflict(platform: Platform) -> None:
    platform.answers = [refuse("IDEMPOTENCY_KEY_REUSED", "choose a fresh key")]
    Path("t.csv").write_text("requestId,organism\nmine,a\n")
    result = run("import", "t.csv", "--email", "a@example.org", "--refused", "r.csv")
    assert "choose a fresh key" in result.stdout
    assert Path("r.csv").read_text() == Path("t.csv").read_text()


@pytest.mark.parametrize("option", ["--report", "--refused"])
def test_existing_file_is_overwritten_only_with_force(platform: Platform, option: str) -> None:
    there = Path("there.csv")
    there.write_text("old")
    platform.answers = [refuse("INVALID_REQUEST")]
    result = importing(option, there)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there.csv: exists already: use --force to overwrite it" in result.stderr
    assert there.read_text() == "old"
    assert importing(option, there, "--force").exit_code == 1
    assert "old" not in there.read_text()
    # Rows and titles may name people.
    assert stat.S_IMODE(there.stat().st_mode) == 0o600


def test_report_in_csv_contains_no_formula(platform: Platform) -> None:
    Path("t.csv").write_text("organism,=cmd()\na,b\n")
    platform.answers = [lambda rows: stored(rows)._replace(dropped=[{"field": "=cmd()", "rows": 1, **UNKNOWN}])]
    run("import", "t.csv", "--email", "a@example.org", "--report", "r.csv")
    assert "=cmd()" in Path("r.csv").read_text()
    assert ",=cmd()" not in Path("r.csv").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--report", "a.csv", "--refused", "./a.csv"), "cannot be both the report and the file of refused rows"),
        (("--report", "t.csv", "--force"), "is an input, and inputs are never overwritten"),
        (("--refused", "t.csv", "--force"), "is an input, and inputs are never overwritten"),
        (("--refused", "none/r.csv"), "its folder does not exist"),
        (("--refused", "r.ndjson"), "it is written as CSV"),
        (("--refused", "r.tsv"), "it is written as CSV"),
        (("--format", "tsv", "--refused", "r.csv"), "it is written as TSV"),
        (("--edge-url", "127.0.0.1:8000"), "write http://127.0.0.1:8000"),
    ],
)
def test_incompatible_options_are_explained(platform: Platform, words: tuple[str, ...], expected: str) -> None:
    platform.answers = [raising(AssertionError("sent"))]
    result = importing(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", ["-", "/dev/null"])
def test_only_an_ordinary_file_is_accepted(platform: Platform, name: str) -> None:
    result = run("import", name, "--email", "a@example.org", "--format", "csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name}: is not an ordinary file" in result.stderr


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv", "t.ndjson"])
def test_excel_file_is_imported_whatever_its_name(platform: Platform, name: str) -> None:
    rows = [["organism", "age", "found"], ["E. coli", 34.0, True], ["#note"], ["E. coli", "#N/A", None]]
    write_excel(Path(name), Tubes=rows)
    result = run("import", name, "--email", "a@example.org")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "2 rows: 2 new, 0 stored before, 0 refused",
        "1 cell has an error such as #N/A, so it was read as blank.",
        '1 line begins with "#": passed over as comments.',
        "Warning: 1 sample contains nothing but the organism.",
    ]
    sent = [{name: value for name, value in row.items() if name != "requestId"} for row in platform.sent]
    assert sent == [{"organism": "E. coli", "metadata": {"age": "34", "found": "true"}}, {"organism": "E. coli"}]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "t.xlsx: the Excel file has several sheets with data: 'Tubes', 'Codes'. Name one with --sheet"),
        (["--sheet", "Tube"], "t.xlsx: the Excel file has no sheet 'Tube'; its sheets are: 'Tubes', 'Codes'"),
        (["--refused", "r.xlsx"], "--refused r.xlsx: it is written as CSV: choose a name that ends in .csv"),
        (["--refused", "r.tsv"], "--refused r.tsv: it is written as CSV: choose a name that ends in .csv"),
        (["--report", "r.xlsx"], "r.xlsx: would contain text: choose a name that ends in .csv"),
    ],
)
def test_bad_options_for_an_excel_file_are_explained(platform: Platform, words: list[str], expected: str) -> None:
    write_excel(Path("t.xlsx"), Tubes=[["organism"], ["E. coli"]], Codes=[["code"], [1]])
    result = run("import", "t.xlsx", "--email", "a@example.org", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr


def test_sheet_of_another_file_is_refused(platform: Platform) -> None:
    result = importing("--sheet", "Tubes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "t.csv: --sheet names a sheet of an Excel file, but this is not an Excel file" in result.stderr


def test_no_refused_rows_leave_no_file(platform: Platform) -> None:
    assert importing("--refused", "r.csv", "--report", "report.csv").exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["report.csv", "t.csv"]


def test_refused_rows_too_large_to_write_are_reported(platform: Platform) -> None:
    large = "x" * 1_100_000
    Path("t.csv").write_text(f"organism,age\na,1\nb,{large}\nc\n")
    result = run("import", "t.csv", "--email", "a@example.org", "--refused", "r.csv")
    assert result.exit_code == 1
    assert result.stderr == "Not in r.csv: row 2, larger than 1 MB: correct t.csv instead\n"
    assert len(Path("r.csv").read_text().splitlines()) == 2


def test_missing_consent_of_donors_is_explained_once(platform: Platform) -> None:
    platform.answers = [refuse("CONSENT_REQUIRED", of="subject")]
    assert importing().stdout.count("The rows name their donors. Record a consent for each donor") == 1
    platform.answers = [refuse("CONSENT_REQUIRED", of="account")]
    assert "Record a consent" not in importing().stdout


@pytest.mark.parametrize(("titles", "expected"), [
    (["subject"], "The column subject names the donor of a row."),
    (["Host Subject ID"], "The column Host Subject ID names the donor of a row."),
    (["case_id", "body_site"], "The column case_id names the donor of a row."),
    (["patient", "DONOR"], "The columns patient and DONOR name the donor of a row."),
    (["subject", "person", "age", "proband_id"], "The columns subject, person and proband_id name the donor of a row."),
])  # fmt: skip
def test_missing_consent_of_donors_names_the_columns(platform: Platform, titles: list[str], expected: str) -> None:
    platform.answers = [refuse("CONSENT_REQUIRED", of="subject")]
    Path("t.csv").write_text(f"organism,{','.join(titles)}\nE. coli{',k7' * len(titles)}\n")
    assert expected in run("import", "t.csv", "--email", "a@example.org").stdout


def test_refused_file_comes_with_one_clear_instruction(platform: Platform) -> None:
    platform.answers = [refuse("INVALID_REQUEST")]
    result = importing("--refused", "r.csv")
    assert "Correct and import r.csv, or correct t.csv and import that: one or the other, never both." in result.stdout


def test_import_refused_as_a_whole_is_bad_input(platform: Platform) -> None:
    error = ApiError(400, "INVALID_REQUEST", "Fix it.", [("study", "must be a UUID")])
    platform.answers = [raising(error)]
    result = importing("--study", "nope", "--report", "report.csv", "--refused", "r.csv", rows=900)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Refused: 400 INVALID_REQUEST: study: must be a UUID\n"
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("error", "code", "advised"),
    [
        (ApiError(401, "UNAUTHENTICATED", "Log in.", ()), 1, True),
        (ApiError(403, "ACCESS_DENIED", "No.", ()), 1, False),
        (ApiError(429, "OVERLOADED", "Later.", ()), 1, True),
        (httpx.ConnectError("refused"), 1, True),
    ],
)
def test_errors_unrelated_to_the_file_are_not_bad_input(
    platform: Platform, error: Exception, code: int, advised: bool
) -> None:
    platform.answers = [raising(error)]
    result = importing()
    assert (result.exit_code, result.stdout) == (code, "")
    assert ("0 rows were processed; the same command continues from there" in result.stderr) == advised


def test_interrupted_import_says_how_to_continue(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr("fairdatabase.client.imports.sending._IN_FLIGHT", 1)
    platform.answers = [stored, raising(KeyboardInterrupt())]
    result = importing("--report", "report.csv", rows=3)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == (
        "Interrupted: 1 row was processed; "
        "the same command with --force continues from there and stores nothing twice\n"
    )
    assert len(Path("report.csv").read_text().splitlines()) == 2


def test_import_ends_silently_if_nobody_reads_its_output(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("fairdatabase.client.terminal._Console.print", broken)
    result = importing()
    assert (result.exit_code, result.output) == (141, "")


@pytest.mark.parametrize(("name", "content", "dropped", "expected"), [
    ("t.csv", "organism,age\nE. coli,\nE. coli,\n", [], 2),
    ("t.csv", "organism,age,ph\nE. coli,old,\nE. coli,34,\n", ["age"], 2),
    ("t.csv", "organism,age,ph\nE. coli,old,7\nE. coli,34,\n", ["age"], 1),
    ("t.csv", "species,ncbi taxon id\nE. coli,562\n", [], 1),
    ("t.csv", "organism,subject\nE. coli,k7\n", [], 0),
    ("t.csv", "organism,sampling date\nE. coli,2016\nE. coli,n/a\n", [], 1),
    ("t.ndjson", '{"organism": "E. coli"}\n{"organism": "E. coli", "metadata": {"ph": 7}}\n', [], 1),
    ("t.ndjson", '{"organism": "E. coli", "collectionDate": "2016"}\n', [], 0),
])  # fmt: skip
def test_samples_of_nothing_but_the_organism_are_counted(
    platform: Platform, name: str, content: str, dropped: list[str], expected: int
) -> None:
    platform.answers = [lambda rows: Imported([{"id": "1", "droppedFields": dropped} for _ in rows], 0)]
    Path(name).write_text(content)
    printed = run("import", name, "--email", "a@example.org").stdout
    assert ("nothing but the organism" in printed) == bool(expected)
    counted = "1 sample contains" if expected == 1 else f"{expected} samples contain"
    assert (f"Warning: {counted} nothing but the organism." in printed) == bool(expected)
