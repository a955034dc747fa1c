"""`fairdb report` guesses the roles of a table's columns, prints them, and measures the table with them."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.unit.client.commands import run, write

HEADER = ("sample_id", "subject_id", "age", "sex", "country", "disease", "body_site", "shoe size")
ROWS = [
    (f"s{i}", f"p{i // 2}", str(30 + i // 8), "FM"[i // 2 % 2], "Fiji", ("flu", "IBD")[i // 4 % 2], "feces", "40")
    for i in range(32)
]


def test_guessed_roles_are_printed_and_measured(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    found = json.loads(run("report", file, "--json").stdout)
    assert found["quasi"] == ["age", "sex", "country"]
    assert (found["sensitive"], found["subject"]) == (["disease"], "subject_id")
    assert {column["column"]: column["role"] for column in found["columns"]}["shoe size"] == "unknown"
    # Four ages, two sexes: eight classes of two people.
    assert (found["risk"]["classes"], found["risk"]["k"], found["risk"]["subjects"]) == (8, 2, 16)

    printed = run("report", file)
    assert printed.exit_code == 0
    assert "identifies the person: counted, never published" in printed.stdout
    assert "Unknown to the policy, and not measured below: shoe size." in printed.stdout


def test_proposed_command_works(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    (line,) = [line for line in run("report", file).stdout.splitlines() if line.startswith("Next: fairdb ")]
    words = shlex.split(line.removeprefix("Next: fairdb "))
    words[words.index("--out") + 1] = str(tmp_path / "o.csv")
    words[words.index("--report") + 1] = str(tmp_path / "r")
    assert run(*words).exit_code == 0
    assert (tmp_path / "o.csv").read_text().partition("\n")[0] == "age,sex,country,disease,body_site"


@pytest.mark.parametrize(("on_path", "expected"), [(True, "fairdb"), (False, "my env/bin/fairdb")])
def test_proposed_command_starts_with_the_path_of_fairdb_unless_it_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: bool, expected: str
) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    folder = tmp_path / "bin"
    folder.mkdir()
    if on_path:
        (folder / "fairdb").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sys.argv", ["my env/bin/fairdb"])
    assert shlex.split(run("report", file).stdout.partition("Next: ")[2])[:2] == [expected, "anonymize"]


def test_options_overrule_the_guess(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    found = json.loads(run("report", file, "--quasi", "shoe size,disease", "--subject", "sample_id", "--json").stdout)
    assert (found["quasi"], found["sensitive"], found["subject"]) == (["shoe size", "disease"], [], "sample_id")


def test_table_without_a_known_quasi_identifier_exits_with_1(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [("a", "b")], ("x1", "x2"))
    result = run("report", file)
    assert result.exit_code == 1
    assert "name them with --quasi" in result.stdout
    assert json.loads(run("report", file, "--json").stdout)["risk"] is None


def test_bad_input_exits_with_2(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("age,sex\n1\n")
    assert run("report", file).exit_code == 2


def test_proposed_command_drops_columns_that_may_identify_a_person(tmp_path: Path) -> None:
    header = ("", "age", "disease", "biomarker_value", "notes", "shoe size")
    rows = [(str(i), str(30 + i // 8), ("flu", "IBD")[i % 2], f"{i}.5;{i}", "so", "40") for i in range(32)]
    file = write(tmp_path / "t.csv", rows, header)
    found = {column["column"]: column["role"] for column in json.loads(run("report", file, "--json").stdout)["columns"]}
    assert (found["biomarker_value"], found["notes"]) == ("restricted", "restricted")
    printed = run("report", file).stdout
    assert "drop it" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("Next: fairdb ")]
    words = shlex.split(line.removeprefix("Next: fairdb "))
    words[words.index("--out") + 1] = str(tmp_path / "o.csv")
    words[words.index("--report") + 1] = str(tmp_path / "r")
    assert run(*words).exit_code == 0
    assert (tmp_path / "o.csv").read_text().partition("\n")[0] == "age,disease"


def test_overruled_roles_name_the_option(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    options = ("--quasi", "shoe size,age", "--sensitive", "disease", "--categorical", "disease")
    found = {
        c["column"]: (c["role"], c["why"])
        for c in json.loads(run("report", file, *options, "--json").stdout)["columns"]
    }
    assert found["shoe size"] == ("quasi", "named by --quasi")
    assert found["sex"] == ("other quasi", "sex, but not named by --quasi")
    assert (found["age"], found["disease"]) == (("quasi", "age"), ("sensitive", "disease"))
    printed = run("report", file, *options).stdout
    assert "Unknown to the policy" not in printed
    assert "--categorical disease" in printed


def test_proposed_command_works_on_odd_names_and_few_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [("1", "30", '"x ""y"""', "a"), ("2", "31", "z", "b"), ("3", "32", "z", "c")]
    header = ('"sample,\tid"', "age", '"dis""ease\nnow"', '"""email"""')
    file = write(Path("-odd it's.csv"), rows, header)
    printed = run("report", "--", file).stdout
    (_, _, line) = printed.partition("Next: fairdb ")
    words = shlex.split(line)
    assert words[words.index("--k") + 1] == "3"
    assert run(*words).exit_code == 0
    assert (tmp_path / "-odd it's-anonymised.csv").read_text().startswith("age\n")
    one = write(Path("one.csv"), rows[:1], header)
    assert "Nobody can be hidden in a table of one person." in run("report", one).stdout


def proposed(*words: object) -> list[str]:
    """Return the words of the command that a report proposes."""
    return shlex.split(run("report", *words).stdout.partition("Next: fairdb ")[2])


def test_identifying_column_is_dropped_when_another_column_is_the_subject(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    words = proposed(file, "--subject", "sample_id")
    assert words[words.index("--subject") + 1] == "sample_id"
    assert "--drop" not in words
    assert "subject_id (identifies the person)" in run("report", file, "--subject", "sample_id").stdout


def test_columns_that_options_leave_out_are_named_in_one_line(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    options = ("--quasi", "age", "--sensitive", "body_site")
    printed = run("report", file, *options).stdout
    (line,) = [line for line in printed.splitlines() if line.startswith("Left out: ")]
    for part in (
        "sex, country (a quasi-identifier that --quasi does not name)",
        "sample_id (identifies a person)",
        "disease (sensitive, but --sensitive does not name it)",
        "shoe size (unknown to the policy)",
    ):
        assert part in line
    found = json.loads(run("report", file, *options, "--json").stdout)
    assert (line in found["warnings"], found["proposal"]["published"]) == (True, ["age", "body_site"])
    # Everybody has the same body site, so nothing could hide it.
    assert any("Nearly everybody has the same value in 'body_site'" in note for note in found["warnings"])


def test_proposal_limits_what_a_class_reveals_and_counts_whom_it_singles_out(tmp_path: Path) -> None:
    header = ("subject_id", "age", "sex", "disease", "sample_volume", "nitrate", "shoe size")
    diseases = ("flu", "IBD", "flu;IBD", "none")
    rows = [
        (f"p{i}", str(20 + i % 40), "FM"[i % 2], diseases[7 * i % 11 % 4], str(10**6 + 7919 * i), "150",
         str(i))
        for i in range(200)
    ]  # fmt: skip
    file = write(tmp_path / "t.csv", rows, header)
    words = proposed(file)
    assert words[words.index("--l") + 1] == "2"
    assert 0 < float(words[words.index("--t") + 1]) <= 0.5
    proposal = json.loads(run("report", file, "--json").stdout)["proposal"]
    assert 100 * proposal["alone"] < proposal["people"]
    assert {"sample_volume", "age", "sex", "disease"} <= {*proposal["published"]}
    assert "shoe size" not in proposal["published"]
    printed = run("report", file).stdout
    assert re.search(r"After this command, \d of \d+ people \(0\.\d%\) are alone", printed)
    alone, people = proposal["alone_with_sensitive"], proposal["people"]
    assert alone > 1
    assert f"not sensitive. {alone} of {people} are alone if somebody also knows their sensitive values." in printed


@pytest.mark.parametrize(
    ("people", "options", "lost"),
    [(4, (), True), (9, (), True), (10, (), False), (6, ("--subject", "subject_id"), False)],
)
def test_proposal_warns_when_everybody_ends_in_one_class(
    tmp_path: Path, people: int, options: tuple[str, ...], *, lost: bool
) -> None:
    rows = [(f"s{i}", str(30 + i)) for i in range(people)]
    file = write(tmp_path / "t.csv", rows, ("subject_id" if options else "kit", "age"))
    printed = run("report", file, "--quasi", "age", *options).stdout
    assert (f"all {people} people are in one class" in printed) == lost


def test_report_warns_of_identifiers_that_rows_share_if_no_column_names_the_person(tmp_path: Path) -> None:
    rows = [(f"fam {number // 4}", *row[2:]) for number, row in enumerate(ROWS)]
    file = write(tmp_path / "t.csv", rows, ("other patient id", *HEADER[2:]))
    line = "Rows share a value in other patient id: if it names people, add --subject 'other patient id'."
    assert line in run("report", file).stdout
    assert line in json.loads(run("report", file, "--json").stdout)["warnings"]
    assert "Rows share a value" not in run("report", file, "--subject", "other patient id").stdout
