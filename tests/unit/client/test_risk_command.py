"""`fairdb risk` prints correct figures, or says what to correct and where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.client.commands import run, study, write, write_excel


def test_figures_are_printed_as_json(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [("30", "F", "flu"), ("30", "F", "flu"), ("", "F", "IBD")], ("age", "sex", "ill"))
    result = run("risk", file, "--quasi", "age,sex", "--sensitive", "ill", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "rows": 3,
        "subjects": 3,
        "classes": 2,
        "k": 1,
        "distinct_l": {"ill": 1},
        "entropy_l": {"ill": 1.0},
        "t": {
            "ill": pytest.approx(2 / 3)
        },  # t of the class with one row: the share of IBD is 1, against 1/3 in the table.
        "unique_rows": 1,
        "max_reidentification_risk": 1.0,
        "warnings": [],
    }


def test_names_may_be_repeated_spaced_or_quoted(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [("30", "F", "x")], ("age", '"a,b"', "ill"))
    quoted = write(tmp_path / "q.csv", [("1", "2", "3")], ('"a\nb"', '"""c"""', "d"))
    assert run("risk", quoted, "--quasi", '"a\nb","""c""",d').exit_code == 0
    for quasi in (["--quasi", 'age,"a,b"'], ["--quasi", "age", "--quasi", '"a,b"'], ["--quasi", ' age,"a,b"']):
        assert json.loads(run("risk", file, *quasi, "--json").stdout)["classes"] == 1


def test_worst_classes_and_next_step_are_printed(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    result = run("risk", file, "--quasi", "age,town", "--sensitive", "disease", "--subject", "who")
    assert result.exit_code == 0
    assert "Smallest classes" in result.stdout
    assert "age=20, town=Ghent" in result.stdout
    assert "Largest gain: age: generalise it to bands of 5." in result.stdout


def test_only_a_step_that_helps_is_proposed(tmp_path: Path) -> None:
    # Each person is unique by age and town, and remains so if either is generalised by one level.
    unique = write(tmp_path / "u.csv", [(str(20 + 7 * i), f"town {i}") for i in range(9)], ("age", "town"))
    printed = run("risk", unique, "--quasi", "age,town").stdout
    assert "No single step helps. `fairdb anonymize` combines several" in printed
    rows = [(str(30 + i % 4 * 3), "FM"[i % 4 // 2], "Fiji") for i in range(12)]
    file = write(tmp_path / "t.csv", rows, ("age", "sex", "country"))
    printed = run("risk", file, "--quasi", "age,sex,country").stdout
    assert (
        "Largest gain: age: generalise it to bands of 5. `fairdb anonymize` finds the steps that lose least detail."
        in printed
    )
    assert "rows in classes of fewer than 5 rows" in " ".join(printed.replace("┃", " ").split())
    printed = run("risk", write(tmp_path / "t.csv", rows * 2, ("age", "sex", "country")), "--quasi", "age,sex").stdout
    assert "Every class has at least 5 rows." in printed
    assert "Largest gain" not in printed


def test_missing_and_ambiguous_names_of_people_are_reported(tmp_path: Path) -> None:
    rows = [("S1", "30", "NA"), ("s1", "30", ""), ("", "30", "unknown"), ("S2", "30", "")]
    words = ("risk", write(tmp_path / "t.csv", rows, ("who", "age", "ill")), "--quasi", "age",
             "--subject", "who", "--sensitive", "ill")  # fmt: skip
    result = run(*words)
    assert "1 row names nobody in 'who': k counts only named people" in result.stdout
    assert "3 spellings in 'who' count as 2 people" in result.stdout
    assert "everybody in the table has the same value" in result.stdout
    warnings = json.loads(run(*words, "--json").stdout)["warnings"]
    assert [note.partition(" ")[0] for note in warnings] == ["1", "3"]
    assert all(note in result.stdout for note in warnings)


def test_markup_in_a_table_is_printed_literally(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [("[red]x[/]", "y"), ("z", "y")], ("[bold]a", "b"))
    result = run("risk", file, "--quasi", "[bold]a", "--sensitive", "b")
    assert "[bold]a=[red]x[/]" in result.stdout


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("", "--quasi a", "line 1, column 1: the file is empty"),
        ("a,b\n", "--quasi a", "line 2, column 1: there is no row below the header"),
        ("a,b\n1,2\n3\n", "--quasi a", "line 3, column 2: 1 cell, but the header has 2"),
        ("a,b\n1,2\n", "--quasi x", "line 1: there is no column 'x'; the columns are: 'a', 'b'"),
        ("a,b\n1,2\n", "--quasi ,", "there is no column ''"),
        ("a,b\n1,\0\n", "--quasi a", "line 2, column 2: a NUL byte"),
    ],
)
def test_bad_input_exits_with_2_and_names_its_place(tmp_path: Path, content: str, options: str, expected: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(content)
    result = run("risk", file, *options.split(), "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr


@pytest.mark.parametrize(("command", "name"), [("risk --quasi age", "t.xlsx"), ("report", "t.csv")])
def test_excel_file_is_read_whatever_its_name(tmp_path: Path, command: str, name: str) -> None:
    file = write_excel(tmp_path / name, Kits=[["age", "sex"], [34, "F"], [35.0, "#N/A"]], Codes=[["code"], [1]])
    result = run(*command.split(), file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "several sheets with data: 'Kits', 'Codes'. Name one with --sheet" in result.stderr
    found = json.loads(run(*command.split(), file, "--sheet", "Kits", "--json").stdout)
    assert found["warnings"][:2] == [
        "1 cell has an error such as #N/A, so it was read as blank.",
        "Only the sheet 'Kits' was read, not 'Codes'.",
    ]
    if command == "report":
        assert " --sheet Kits " in found["proposal"]["command"]


def test_damaged_excel_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04\x14\x00\x06\x00rest")
    result = run("risk", tmp_path / "t.xlsx", "--quasi", "a")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the Excel file is damaged or cut off: save it again, or save the table as CSV (UTF-8)" in result.stderr


@pytest.mark.parametrize("command", ["risk --quasi age", "report --quasi age"])
@pytest.mark.parametrize(
    ("content", "notes"),
    [
        ("age,sex\n#years,\n34,F\n35,M\n", ['1 line begins with "#": passed over as comments.']),
        ("#by day\nage,sex\n#q2:types,x\n34,F\n# end,\n", ['3 lines begin with "#": passed over as comments.']),
        ("#sex,age\nF,34\nM,35\n", []),
        ("age,sex,age\n34,F,34\n,M,35\n", []),
        (
            "age,sex, age ,sex\n34,F,36,F\n35,,,M\n36,M,36,F\n",
            ["2 rows have different values under a repeated title: the later ones are in 'column 3', 'column 4'."],
        ),
    ],
)
def test_notes_say_what_was_passed_over(tmp_path: Path, command: str, content: str, notes: list[str]) -> None:
    (tmp_path / "t.csv").write_text(content)
    words = *command.split(), tmp_path / "t.csv"
    assert json.loads(run(*words, "--json").stdout)["warnings"][: len(notes)] == notes
    printed = run(*words).stdout
    assert all(printed.count(note) == 1 for note in notes)
    assert ("passed over" in printed, "repeated title" in printed) == (
        any("passed over" in note for note in notes),
        any("repeated title" in note for note in notes),
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--quasi a --sensitive a", "'a' is named twice"),
        ("--quasi a --subject a", "'a' is named twice"),
        ("--quasi a --categorical b", "'b' is named by --categorical"),
        ('--quasi "a', "the column names in"),
    ],
)
def test_contradictory_options_do_not_name_the_table(tmp_path: Path, options: str, expected: str) -> None:
    result = run("risk", write(tmp_path / "t.csv", [("1", "2")], ("a", "b")), *options.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(expected)


def fairdb(*words: object, stdout: int) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process, with an open file as its output."""
    command = [str(Path(sys.executable).with_name("fairdb")), *map(str, words)]
    # Buffered, as in a user's shell.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env=env)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_closed_pipe_ends_silently_with_141(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = write(tmp_path / "t.csv", study())
    read, written = os.pipe()
    os.close(read)
    done = fairdb("risk", file, "--quasi", "age", *options, stdout=written)
    os.close(written)
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_pipe_is_no_error_of_text_that_is_written_at_the_end() -> None:
    read, written = os.pipe()
    os.close(read)
    done = fairdb("--version", stdout=written)
    os.close(written)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full does not exist")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_full_output_device_is_reported_as_such(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = write(tmp_path / "t.csv", study())
    with Path("/dev/full").open("w") as full:
        done = fairdb("report", file, "--quasi", "age", *options, stdout=full.fileno())
    assert (done.returncode, done.stderr) == (2, "Standard output: No space left on device\n")


def test_missing_file_exits_with_2(tmp_path: Path) -> None:
    result = run("risk", tmp_path / "none.csv", "--quasi", "a")
    assert result.exit_code == 2
    assert "No such file" in result.stderr
    assert run("risk", tmp_path, "--quasi", "a").exit_code == 2
    assert run("risk").exit_code == 2


def test_five_hundred_columns_work(tmp_path: Path) -> None:
    header = [f"c{i}" for i in range(500)]
    file = write(tmp_path / "t.csv", [[str((i * 7 + row) % 9) for i in range(500)] for row in range(50)], header)
    result = run("risk", file, "--quasi", ",".join(header[:400]), "--sensitive", "c499", "--json")
    # Every ninth row is equal: 50 rows form nine classes of five or six.
    assert {name: json.loads(result.stdout)[name] for name in ("classes", "k")} == {"classes": 9, "k": 5}


def test_other_commands_do_not_load_numpy() -> None:
    unwanted = "('numpy', 'fairdatabase.anonymity.model.table')"
    code = f"import sys, fairdatabase.client.commands.main; print([m for m in {unwanted} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_missing_numpy_is_explained(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError('none', name='numpy')")
    done = subprocess.run(
        [Path(sys.executable).with_name("fairdb"), "risk", "t.csv", "--quasi", "a"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "numpy is not installed: run `pip install fairdatabase[tables]`\n")
