"""`fairdb report` guesses what the columns of a table are, shows the guess, and measures by it."""

import json
import shlex
from pathlib import Path

import pytest

from tests.unit.client.commands import run, write

HEADER = ("sample_id", "subject_id", "age", "sex", "country", "disease", "body_site", "shoe size")
ROWS = [
    (f"s{i}", f"p{i // 2}", str(30 + i // 8), "FM"[i // 2 % 2], "Fiji", ("flu", "IBD")[i // 4 % 2], "feces", "40")
    for i in range(32)
]


def test_the_guess_is_shown_and_measured(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    found = json.loads(run("report", file, "--json").stdout)
    assert found["quasi"] == ["age", "sex", "country"]
    assert (found["sensitive"], found["subject"]) == (["disease"], "subject_id")
    assert {column["column"]: column["role"] for column in found["columns"]}["shoe size"] == "unknown"
    # Four ages, two sexes: eight classes of two people.
    assert (found["risk"]["classes"], found["risk"]["k"], found["risk"]["subjects"]) == (8, 2, 16)

    shown = run("report", file)
    assert shown.exit_code == 0
    assert "names the person: counted, never published" in shown.stdout
    assert "Not in the policy, and in no figure below: shoe size." in shown.stdout


def test_the_command_it_proposes_works(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    (line,) = [line for line in run("report", file).stdout.splitlines() if line.startswith("Next: fairdb ")]
    words = shlex.split(line.removeprefix("Next: fairdb "))
    words[words.index("--out") + 1] = str(tmp_path / "o.csv")
    words[words.index("--report") + 1] = str(tmp_path / "r")
    assert run(*words).exit_code == 0
    assert (tmp_path / "o.csv").read_text().partition("\n")[0] == "age,sex,country,disease,body_site,shoe size"


def test_options_overrule_the_guess(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    found = json.loads(run("report", file, "--quasi", "shoe size,disease", "--subject", "sample_id", "--json").stdout)
    assert (found["quasi"], found["sensitive"], found["subject"]) == (["shoe size", "disease"], [], "sample_id")


def test_a_table_without_a_known_quasi_identifier_ends_with_1(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [("a", "b")], ("x1", "x2"))
    result = run("report", file)
    assert result.exit_code == 1
    assert "name them with --quasi" in result.stdout
    assert json.loads(run("report", file, "--json").stdout)["risk"] is None


def test_bad_input_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("age,sex\n1\n")
    assert run("report", file).exit_code == 2


def test_what_may_find_one_person_is_not_in_what_it_proposes_to_publish(tmp_path: Path) -> None:
    header = ("", "age", "disease", "biomarker_value", "notes", "shoe size")
    rows = [(str(i), str(30 + i // 8), ("flu", "IBD")[i % 2], f"{i}.5;{i}", "so", "40") for i in range(32)]
    file = write(tmp_path / "t.csv", rows, header)
    found = {column["column"]: column["role"] for column in json.loads(run("report", file, "--json").stdout)["columns"]}
    assert (found["biomarker_value"], found["notes"]) == ("restricted", "restricted")
    shown = run("report", file).stdout
    assert "to be dropped" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("Next: fairdb ")]
    words = shlex.split(line.removeprefix("Next: fairdb "))
    words[words.index("--out") + 1] = str(tmp_path / "o.csv")
    words[words.index("--report") + 1] = str(tmp_path / "r")
    assert run(*words).exit_code == 0
    assert (tmp_path / "o.csv").read_text().partition("\n")[0] == "age,disease,shoe size"


def test_what_an_option_overrules_is_shown_so(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    options = ("--quasi", "shoe size,age", "--sensitive", "disease", "--categorical", "disease")
    found = {
        c["column"]: (c["role"], c["why"])
        for c in json.loads(run("report", file, *options, "--json").stdout)["columns"]
    }
    assert found["shoe size"] == ("quasi", "named by --quasi")
    assert found["sex"] == ("other quasi", "sex, but not named by --quasi")
    assert (found["age"], found["disease"]) == (("quasi", "age"), ("sensitive", "disease"))
    shown = run("report", file, *options).stdout
    assert "Not in the policy" not in shown
    assert "--categorical disease" in shown


def test_the_command_it_proposes_works_on_odd_names_and_few_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [("1", "30", '"x ""y"""', "a"), ("2", "31", "z", "b"), ("3", "32", "z", "c")]
    header = ('"sample,\tid"', "age", '"dis""ease\nnow"', '"""email"""')
    file = write(Path("-odd it's.csv"), rows, header)
    shown = run("report", "--", file).stdout
    (_, _, line) = shown.partition("Next: fairdb ")
    words = shlex.split(line)
    assert words[words.index("--k") + 1] == "3"
    assert run(*words).exit_code == 0
    assert (tmp_path / "-odd it's-anonymised.csv").read_text().startswith("age,")
    one = write(Path("one.csv"), rows[:1], header)
    assert "In a table of one person nobody can be hidden." in run("report", one).stdout


def proposed(*words: object) -> list[str]:
    """Return the words of the command that a report proposes."""
    return shlex.split(run("report", *words).stdout.partition("Next: fairdb ")[2])


def test_what_names_the_person_is_dropped_whatever_people_are_counted_by(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    words = proposed(file, "--subject", "sample_id")
    assert words[words.index("--subject") + 1] == "sample_id"
    assert words[words.index("--drop") + 1] == "subject_id"


def test_what_options_leave_out_of_the_guess_is_told_and_no_quasi_identifier_published(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", ROWS, HEADER)
    options = ("--quasi", "age", "--sensitive", "body_site")
    words = proposed(file, *options)
    assert words[words.index("--drop") + 1] == "sample_id,sex,country"
    shown = run("report", file, *options).stdout
    dropped = "To be dropped, since --quasi does not name them: 'sex', 'country'."
    kept = "Published as they were, and in no figure, since --sensitive does not name them: 'disease'."
    assert dropped in shown
    assert kept in shown
    told = json.loads(run("report", file, *options, "--json").stdout)["warnings"]
    assert [note.partition(".")[0] + "." for note in told] == [dropped, kept]


@pytest.mark.parametrize(
    ("people", "options", "lost"),
    [(4, (), True), (9, (), True), (10, (), False), (6, ("--subject", "subject_id"), False)],
)
def test_that_one_class_of_everybody_is_all_there_can_be_is_told(
    tmp_path: Path, people: int, options: tuple[str, ...], *, lost: bool
) -> None:
    rows = [(f"s{i}", str(30 + i)) for i in range(people)]
    file = write(tmp_path / "t.csv", rows, ("subject_id" if options else "kit", "age"))
    shown = run("report", file, "--quasi", "age", *options).stdout
    assert (f"each class holds all {people} people: what tells them apart is lost" in shown) == lost
