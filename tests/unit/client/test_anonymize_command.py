"""`fairdb anonymize` writes a table that meets the limits and a report, or says which limit cannot be met."""

import csv
import json
import os
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.unit.client.commands import HEADER, run, study, write

QUASI = ("--quasi", "age,town,day")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_table_and_report_are_written(tmp_path: Path) -> None:
    file, out = write(tmp_path / "t.csv", study()), tmp_path / "out.csv"
    result = run(
        *("anonymize", file, "--out", out, *QUASI, "--sensitive", "disease", "--subject", "who", "--drop", "tube"),
        *("--k", 5, "--l", 2, "--t", 0.5, "--report", tmp_path / "report.md"),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    rows = read(out)
    assert list(rows[0]) == ["age", "town", "day", "disease", "kit"]
    assert len(rows) == 60
    assert Counter(row["disease"] for row in rows) == Counter(row[4] for row in study())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv",
        "report.json",
        "report.md",
        "report.svg",
        "t.csv",
    ]

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["before"]["k"] == 1
    assert report["after"]["k"] >= 5
    assert report["after"]["distinct_l"]["disease"] >= 2
    assert report["after"]["t"]["disease"] <= 0.5
    assert report["rows"] == {"input": 60, "published": 60, "suppressed": 0}
    assert report["dropped"] == ["who", "tube"]
    assert [column["column"] for column in report["columns"]] == ["age", "town", "day"]
    assert 0 < report["loss"]["ncp"] <= 1
    assert report["loss"]["discernibility"] > report["loss"]["discernibility_before"]
    # Measuring the written table gives the same figures, except the number of people, because it names no people.
    again = json.loads(run("risk", out, *QUASI, "--sensitive", "disease", "--json").stdout)
    assert (again["classes"], again["distinct_l"]) == (report["after"]["classes"], report["after"]["distinct_l"])
    assert again["k"] >= report["after"]["k"]

    markdown = (tmp_path / "report.md").read_text()
    assert "![People by the size of their class, before and after](report.svg)" in markdown
    assert "| k | 1 | " in markdown
    ET.parse(tmp_path / "report.svg")


def test_report_contains_only_published_values(tmp_path: Path) -> None:
    common = ("Person One", "30", "Ghent", "2016-01-01", "flu", "x", "y")
    rare = ("Person Two", "98765.4", "Elsene", "1999-12-31", "scurvy", "x", "y")
    file = write(tmp_path / "t.csv", [common] * 30 + [rare])
    run(
        "anonymize", file, "--out", tmp_path / "o.csv", *QUASI, "--subject", "who", "--k", 1, "--report", tmp_path / "r"
    )
    assert "98765.4" in (tmp_path / "o.csv").read_text()
    again = ("--k", 5, "--drop", "who", "--report", tmp_path / "r", "--force")
    assert run("anonymize", file, "--out", tmp_path / "o.csv", *QUASI, *again).exit_code == 0
    assert len(read(tmp_path / "o.csv")) == 30
    for name in ("r.json", "r.md", "r.svg", "o.csv"):
        text = (tmp_path / name).read_text()
        assert not [word for word in (*rare[:5], common[0]) if word in text], name


def test_subject_column_is_never_written(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *QUASI, "--subject", "who")
    assert "k counts the people that 'who' identifies. This column is not published, so the" in result.stdout
    assert "who" not in read(tmp_path / "o.csv")[0]


def test_columns_that_may_identify_people_are_left_out_unless_kept(tmp_path: Path) -> None:
    rows = [(*row, row[1], "Adult", "text") for row in study()]
    file = write(tmp_path / "t.csv", rows, (*HEADER, "years", "sex_ontology_term_id", "notes"))
    options = ("anonymize", file, *QUASI, "--report", tmp_path / "r", "--force", "--out", tmp_path / "o.csv")
    result = run(*options)
    assert list(read(tmp_path / "o.csv")[0]) == ["age", "town", "day", "kit"]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("Left out: ")]
    for part in (
        "tube (identifies a person)",
        "who, years (unknown to the policy)",
        "notes (may identify a person)",
        "sex_ontology_term_id (same information as sex)",
        "disease (sensitive, but --sensitive does not name it)",
    ):
        assert part in line
    assert line.endswith("--keep NAME publishes a column unchanged.")
    assert "0 of 60 people are alone with all published columns." in result.stdout
    # A report may be published, and the title of an unknown column may identify somebody.
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["unknown_columns"], "years" in (tmp_path / "r.json").read_text()) == (2, False)

    result = run(*options, "--keep", "years,who")
    assert list(read(tmp_path / "o.csv")[0]) == ["who", "age", "town", "day", "kit", "years"]
    assert "'years' reveals what was generalised in 'age'" in result.stdout
    assert "60 of 60 people are alone with all published columns." in result.stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--keep", "age"), "'age' cannot be kept: it is named as quasi-identifier or sensitive"),
        (("--keep", "who", "--subject", "who"), "'who' cannot be kept: it is named as the subject"),
        (("--keep", "tube", "--drop", "tube"), "'tube' is named by --keep and by --drop"),
        (("--keep", "hat"), "there is no column 'hat' to keep"),
    ],
)
def test_column_that_cannot_be_kept_is_refused(tmp_path: Path, options: tuple[str, ...], why: str) -> None:
    file = write(tmp_path / "t.csv", study())
    result = run("anonymize", file, *QUASI, "--out", tmp_path / "o.csv", *options)
    assert (result.exit_code, why in result.stderr) == (2, True)


def test_report_warns_of_columns_that_distinguish_rows(tmp_path: Path) -> None:
    rows = [(*row, row[1]) for row in study()]
    file = write(tmp_path / "t.csv", rows, (*HEADER, "years"))
    options = (*QUASI, "--keep", "tube", "--keep", "years", "--report", tmp_path / "r")
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *options)
    assert result.exit_code == 3
    assert "'tube' is published unchanged: 60 people are alone with their value in it." in result.stdout
    assert "'years' reveals what was generalised in 'age'" in result.stdout
    assert "'kit'" not in result.stdout
    kept = {c["column"]: c for c in json.loads((tmp_path / "r.json").read_text())["kept_columns"]}
    assert (kept["tube"]["k_with_it"], kept["tube"]["names_rows"], kept["years"]["undoes"]) == (1, True, ["age"])
    assert kept["kit"]["k_with_it"] >= 5


def test_report_warns_of_a_sensitive_column_that_undoes_a_generalisation(tmp_path: Path) -> None:
    rows = [(str(20 + i % 8), "yes" if i % 8 < 4 else "no") for i in range(24)]
    rows = [(age, f"is {age}") for age, _ in rows]
    file = write(tmp_path / "t.csv", rows, ("age", "ill"))
    result = run(
        "anonymize", file, "--out", tmp_path / "o.csv", "--quasi", "age", "--sensitive", "ill", "--keep", "ill"
    )
    assert "'ill' reveals what was generalised in 'age'" in result.stdout


def test_hierarchy_file_decides_what_values_become(tmp_path: Path) -> None:
    tree = tmp_path / "towns.csv"
    tree.write_text("Ghent,Belgium,Europe\nDelft,Netherlands,Europe\nCork,Ireland,Europe\nSuva,Fiji,Oceania\n")
    file = write(
        tmp_path / "t.csv", [("30", "Ghent")] * 3 + [("30", "Delft")] * 3 + [("30", "Suva")] * 6, ("age", "town")
    )
    result = run(
        *("anonymize", file, "--out", tmp_path / "o.csv", "--quasi", "age,town", "--hierarchy", f"town={tree}"),
        *("--max-suppression", 0),
    )
    assert result.exit_code == 0
    assert Counter(row["town"] for row in read(tmp_path / "o.csv")) == {"Europe": 6, "Suva": 6}


def test_recoding_option_chooses_the_method(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    found, widths = {}, {}
    for recoding in ("full", "local", "least"):
        run(
            *(
                "anonymize",
                file,
                "--out",
                tmp_path / "o.csv",
                *QUASI,
                "--recoding",
                recoding,
                "--report",
                tmp_path / "r",
                "--force",
            )
        )
        found[recoding] = json.loads((tmp_path / "r.json").read_text())
        ages = (re.split("(?<=\\d)-", row["age"]) for row in read(tmp_path / "o.csv"))
        widths[recoding] = {float(age[-1]) - float(age[0]) if age != ["*"] else None for age in ages}
    assert (found["full"]["recoding"], found["local"]["recoding"]) == ("full-domain", "local")
    lost = {recoding: report["loss"]["ncp"] for recoding, report in found.items()}
    assert lost["least"] == min(lost.values())
    # A column at one level has bands of one width. Classes that are recoded separately have several.
    assert len(widths["full"]) == 1
    assert len(widths["local"]) > 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--k", "61"), "--k 61 cannot be met: the table has 60 people"),
        (("--k", "31", "--subject", "who"), "--k 31 cannot be met: the table has 30 people"),
        (("--sensitive", "disease", "--l", "5"), "--l 5 cannot be met: 'disease' has 4 values"),
    ],
)
def test_unreachable_limit_exits_with_1(tmp_path: Path, options: tuple[str, ...], expected: str) -> None:
    file = write(tmp_path / "t.csv", study())
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *QUASI, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert expected in result.stderr
    assert os.listdir(tmp_path) == ["t.csv"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--l", "2"), "they need --sensitive"),
        (("--max-suppression", "1"), "--max-suppression must be at least 0 and below 1"),
        (("--max-suppression", "-0.1"), "--max-suppression must be at least 0 and below 1"),
        (("--max-suppression", "nan"), "--max-suppression must be at least 0 and below 1"),
        (
            ("--drop", "a\nb"),
            "the column names in 'a\\nb' are unclear: put a name that contains a comma, quote or line break",
        ),
        (("--drop", '"who'), "the column names in"),
        (("--drop", "age"), "'age' cannot be dropped"),
        (("--drop", "x"), "there is no column 'x' to drop"),
        (("--hierarchy", "x=y"), "write COLUMN=FILE"),
        (("--hierarchy", "town="), "write COLUMN=FILE with the name of a file"),
        (("--hierarchy", "town=none.csv"), "No such file"),
        (("--out", "t.csv"), "is an input"),
        (("--out", "none/o.csv"), "its folder does not exist"),
        (("--out", "."), "is a folder"),
        (("--out", "r.md", "--report", "r"), "both the table and its report"),
        (("--report", "none/r"), "its folder does not exist"),
        (("--report", ""), "is a folder"),
        (("--report", ".."), "is a folder"),
        (("--hierarchy", "disease=t.csv"), "'disease' is not a quasi-identifier"),
        (("--k", "0"), "--k"),
        (("--t", "2"), "--t"),
    ],
)
def test_contradictory_options_exit_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("t.csv"), study())
    result = run("anonymize", "t.csv", "--out", "o.csv", *QUASI, *options)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert os.listdir(tmp_path) == ["t.csv"]


def test_option_errors_do_not_name_the_table(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *QUASI, "--max-suppression", "1")
    assert result.stderr == "--max-suppression must be at least 0 and below 1\n"


def test_delimiter_follows_the_output_file_name(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    run("anonymize", file, "--out", tmp_path / "o.tsv", *QUASI, "--keep", "who,disease,tube")
    assert (tmp_path / "o.tsv").read_text().startswith("\t".join(HEADER) + "\n")


def test_carriage_return_in_a_cell_survives_a_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"age,note\n" + b'30,"a\rb"\n' * 6)
    written = tmp_path / "o.csv"
    assert run("anonymize", file, "--quasi", "age", "--keep", "note", "--k", "2", "--out", written).exit_code == 0
    assert written.read_bytes().count(b'30,"a\rb"\n') == 6
    assert run("risk", written, "--quasi", "age").exit_code == 0


def test_column_accepts_only_one_hierarchy(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    tree = tmp_path / "tree.csv"
    tree.write_text("Ghent,Low\nDelft,Low\nCork,High\n")
    result = run("anonymize", file, *QUASI, "--out", tmp_path / "o.csv", *("--hierarchy", f"town={tree}") * 2)
    assert (result.exit_code, "'town' already has a hierarchy" in result.stderr) == (2, True)


def test_file_name_with_invalid_text_works(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    file = write(tmp_path / f"{odd}.csv", study())
    assert run("anonymize", file, *QUASI, "--out", tmp_path / "o.csv", "--report", tmp_path / odd).exit_code == 0
    assert "(caf%E9.svg)" in (tmp_path / f"{odd}.md").read_text()


def test_error_names_the_faulty_hierarchy_file(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", study())
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("".join(f"{age},all\n" for age in {row[1] for row in study()}))
    bad.write_text("Ghent,Low\nDelft\nCork,High\n")
    trees = ("--hierarchy", f"age={good}", "--hierarchy", f"town={bad}")
    result = run("anonymize", file, *QUASI, *trees, "--out", tmp_path / "o.csv")
    expected = f"{bad}: line 2, column 2: 1 level, but the first line has 2\n"
    assert (result.exit_code, result.stderr) == (2, expected)


def test_odd_titles_are_printed_on_one_line(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", [(str(i), str(i // 2), "ab"[i % 2]) for i in range(8)], ("", "age", '"l\n2"'))
    words = (file, "--quasi", '"",age', "--sensitive", '"l\n2"')
    printed = run("anonymize", *words, "--k", 2, "--recoding", "full", "--out", tmp_path / "o.csv").stdout
    assert re.search(r"│ '' +│", printed)
    assert "k 1 -> " in printed.splitlines()[-1]
    assert ", l of l 2 1 -> " in printed.splitlines()[-1]
    assert "''=0, age=0 │ l 2 " in run("risk", *words).stdout
    assert "Unknown to the policy, and not measured below: ''." in run("report", *words[:1], "--quasi", '"l\n2"').stdout


RARE = ("Sami", "vegan", "Fabry disease", "7.3412", "12.125 pmol", "kept a diary for all of the summer")


def rare_study(rare: str) -> list[tuple[str, ...]]:
    """Return one row per person, of which one has a rare disease."""
    return [(str(20 + i % 40), ("flu", "none")[i % 2] if i else rare) for i in range(80)]


@pytest.mark.parametrize("rare", RARE)
def test_rare_sensitive_value_is_hidden_and_counted(tmp_path: Path, rare: str) -> None:
    file = write(tmp_path / "t.csv", rare_study(rare), ("age", "disease"))
    options = ("--quasi", "age", "--sensitive", "disease", "--max-suppression", "0", "--report", tmp_path / "r")
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *options)
    assert result.exit_code == 0
    written = (tmp_path / "o.csv").read_text() + (tmp_path / "r.json").read_text() + (tmp_path / "r.md").read_text()
    assert rare not in written + result.stdout
    hidden = json.loads((tmp_path / "r.json").read_text())["hidden_values"]
    assert hidden == {"disease": sum(row["disease"] == "*" for row in read(tmp_path / "o.csv"))}
    assert f'Rare values are "*": disease in {hidden["disease"]} rows.' in result.stdout
    assert 'Rare values are "\\*": disease in' in (tmp_path / "r.md").read_text()


@pytest.mark.parametrize("rare", RARE)
def test_kept_column_that_leaves_somebody_alone_exits_with_3(tmp_path: Path, rare: str) -> None:
    file = write(tmp_path / "t.csv", rare_study(rare), ("age", "disease"))
    options = ("--quasi", "age", "--sensitive", "disease", "--max-suppression", "0", "--keep", "disease", "--force")
    result = run("anonymize", file, "--out", tmp_path / "o.csv", *options)
    assert (result.exit_code, rare in (tmp_path / "o.csv").read_text()) == (3, True)
    assert "'disease' is published unchanged: 1 person is alone with their value in it." in result.stdout
    assert run("anonymize", file, "--out", tmp_path / "o.csv", *options, "--allow-alone").exit_code == 0
    assert run("anonymize", file, "--out", tmp_path / "o.csv", *options, "--k", "1").exit_code == 0


def test_laboratory_values_become_intervals(tmp_path: Path) -> None:
    rows = [(str(20 + i % 40), f"{4 + (i * 37 % 100) / 31:.4f}") for i in range(100)]
    file = write(tmp_path / "t.csv", rows, ("age", "glucose"))
    result = run("anonymize", file, "--out", tmp_path / "o.csv", "--quasi", "age", "--sensitive", "glucose", "--l", "2")
    assert result.exit_code == 0
    glucose = [row["glucose"] for row in read(tmp_path / "o.csv")]
    assert min(glucose.count(text) for text in set(glucose)) >= 5
    assert not set(glucose) & {row[1] for row in rows}
    measured = json.loads(run("risk", tmp_path / "o.csv", "--quasi", "age", "--sensitive", "glucose", "--json").stdout)
    assert measured["distinct_l"]["glucose"] >= 2


def test_report_proposes_what_anonymize_then_does(tmp_path: Path) -> None:
    rows = [(str(20 + i % 40), ("F", "M")[i % 2], *row[1:]) for i, row in enumerate(rare_study("Fabry disease"))]
    file = write(tmp_path / "t.csv", rows, ("age", "sex", "disease"))
    proposal = json.loads(run("report", file, "--json").stdout)["proposal"]
    assert (proposal["alone"], set(proposal["hidden_values"])) == (0, {"disease"})
    assert 'Rare values are "*": disease in' in run("report", file).stdout
