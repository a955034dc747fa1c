"""Figures of real tables: each one is measured on a small table in which it differs from every other."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from bench.real_tables import try_tables
from bench.tables.crowds import alone
from bench.tables.exact import gives_away, resolution_of
from bench.tables.figures import ALL, Tried, as_text, totals
from bench.tables.files import content_type_of, count_rows, tables_in
from bench.tables.importing import Imported, import_table
from bench.tables.publishing import Published, carry_out, publish_table
from fairdatabase.anonymity.model.table import Table, table_of
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy

GUT, SOIL = "human gut metagenome", "soil metagenome"


@pytest.fixture(scope="module")
def anonymiser() -> Anonymiser:
    return Anonymiser(load_policy())


def write(path: Path, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def imported(anonymiser: Anonymiser, path: Path, *, most_rows: int = 100) -> Imported:
    return import_table(path, anonymiser, organism=GUT, most_rows=most_rows)


def test_folders_are_kinds(tmp_path: Path) -> None:
    for name in ("runs/b.tsv", "runs/deep/a.csv", "survey/c.txt", "top.csv", "survey/notes.md", ".hidden/d.csv"):
        write(tmp_path / name, "a,b", "1,2")
    found = [(kind, path.name) for kind, path in tables_in(tmp_path)]
    assert sorted(found) == [(".", "top.csv"), ("runs", "a.csv"), ("runs", "b.tsv"), ("survey", "c.txt")]


@pytest.mark.parametrize(
    ("name", "header", "wanted"),
    [
        ("a.csv", "a\tb", "text/csv"),
        ("a.tsv", "a,b", "text/tab-separated-values"),
        ("a.txt", "a\tb,c", "text/tab-separated-values"),
        ("a.txt", "a,b", "text/csv"),
        ("a.TXT", '"a\tb",c', "text/csv"),
    ],
)
def test_only_the_header_of_a_txt_file_decides_its_type(tmp_path: Path, name: str, header: str, wanted: str) -> None:
    assert content_type_of(write(tmp_path / name, header, "1\t2")) == wanted


def test_lines_with_text_are_rows(tmp_path: Path) -> None:
    assert count_rows(write(tmp_path / "a.csv", "a,b", "1,2", "", "3,4", "  ")) == 2
    utf16 = tmp_path / "b.csv"
    utf16.write_text("a,b\n1,2\n3,4\n5,6\n", encoding="utf-16")
    assert count_rows(utf16) == 3


def test_accepted_rows_and_reasons(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ("subject,organism,host_subject_id", f"P1,{GUT},P1", f"P2,{GUT},P3", "P4,,", "P5,not a 1 name !,P6")
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    assert (found.rows, found.accepted, found.refused) == (4, 2, "")
    assert found.reasons.total() == 3
    assert sum(count for reason, count in found.reasons.items() if reason.startswith("sample.subject")) == 2
    assert sum(count for reason, count in found.reasons.items() if reason.startswith("sample.organism")) == 1


def test_only_the_first_rows_are_judged(tmp_path: Path, anonymiser: Anonymiser) -> None:
    path = write(tmp_path / "a.csv", "subject,organism", *(f"P{n},{GUT}" for n in range(9)))
    found = imported(anonymiser, path, most_rows=4)
    assert (found.rows, found.accepted, found.people) == (4, 4, 4)


def test_rows_of_a_table_that_cannot_be_read_are_refused(tmp_path: Path, anonymiser: Anonymiser) -> None:
    path = write(tmp_path / "a.csv", "<html>", "F,M", "M,M", "F,F")
    found = imported(anonymiser, path)
    assert (found.rows, found.accepted) == (3, 0)
    assert "HTML" in found.refused
    assert found.reasons.total() == 3


def test_dropped_columns_and_cells(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = (
        "subject,body_site,qqzx,e-mail,sex",
        "P1,feces,one,a@b.example,female",
        "P2,feces,two,,wxyz",
        "P3,,three,,",
    )
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    assert found.dropped_columns == {"qqzx": "unknown", "e-mail": "rule"}
    assert (found.columns, found.cells) == (4, 8)
    assert {reason.partition(":")[0]: count for reason, count in found.dropped_cells.items()} == {
        "unknown": 3,
        "rule": 1,
        "value": 1,
    }


def test_a_person_is_alone_if_any_row_is(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ("subject,organism", f"P1,{GUT}", f"P2,{GUT}", f"P2,{SOIL}", f"P3,{GUT}")
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    assert (found.people, found.alone_in_public) == (3, 1)


def test_samples_of_no_person_are_not_counted(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ("subject,organism,env_medium", f",{SOIL},", "P1,Escherichia coli,", ",Homo sapiens,", f",{GUT},")
    rows += (f",{GUT},", ",,sea water", ",,feces", "P2,,sea water", ",metagenome,", f"P3,{SOIL},")
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    assert (found.accepted, found.people, found.alone_in_public) == (10, 8, 4)


def test_readers_see_quasi_identifiers_of_five_donors(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ["subject,organism,sex", *(f"P{n},{GUT},male" for n in range(5)), f"P6,{SOIL},female", f"P7,{SOIL},male"]
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    # P7 shares sex with five others, so it is shown, and with the organism it is unique.
    assert (found.people, found.alone_in_public, found.alone_for_readers) == (7, 0, 2)
    # With one male fewer, sex of nobody is shown.
    fewer = imported(anonymiser, write(tmp_path / "b.csv", *rows[:4], *rows[6:]))
    assert (fewer.people, fewer.alone_for_readers) == (5, 0)


def test_rows_without_a_donor_do_not_make_a_class_larger(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ["subject,organism,sex", *(f",{GUT},male" for _ in range(9)), f",{SOIL},male", f",{SOIL},female"]
    found = imported(anonymiser, write(tmp_path / "a.csv", *rows))
    assert (found.people, found.alone_in_public, found.alone_for_readers) == (11, 0, 0)


def test_nobody_is_alone_in_a_table_of_one_person(tmp_path: Path, anonymiser: Anonymiser) -> None:
    found = imported(anonymiser, write(tmp_path / "a.csv", "subject,sex", "P1,female", "P1,male"))
    assert (found.people, found.alone_in_public, found.alone_for_readers) == (1, 0, 0)


def test_people_are_alone_with_a_description_of_nobody_else() -> None:
    assert alone([("a", 1), ("a", 1), ("b", 2), ("c", 2), ("c", 3), ("a", 4)]) == {"a", "c"}


@pytest.mark.parametrize(
    ("own", "published", "unit"),
    [
        ("23", "23-27", "1"),
        ("27.43", "20-27.43", "0.01"),
        ("31.40713386", "24-31.40713386", "0.00000001"),
        ("-4.7", "-4.7 to 3", "0.1"),
        ("87", "87+", "1"),
        ("87", ">= 87", "1"),
        ("34", "34 or 36 or 90+", "1"),
        ("34,5", "34,5 or 36,5", "1"),
        ("18 months", "18 months or 20 months", "1"),
        ("2004-02-17", "2004-02-17 or 2004-05-02", "1"),
        ("52.09 N 5.12 E", "51.2 N 4.4 E or 52.09 N 5.12 E", "1"),
    ],
)
def test_own_numbers_in_published_values_are_found(own: str, published: str, unit: str) -> None:
    assert gives_away(own, published, Decimal(unit))


@pytest.mark.parametrize(
    ("own", "published", "unit"),
    [
        ("20", "20-29", "1"),
        ("29", "20-29", "1"),
        ("25", "20-29", "1"),
        ("22.5", "20-22.5", "0.1"),
        ("30", "20-30", "1"),
        ("90", "90+", "1"),
        ("34", "*", "1"),
        ("34", "34", "1"),
        ("stage 12", "stage 12 or stage 14", "1"),
        ("1", "0 or 1", "1"),
        ("feces", "feces or skin", "1"),
        ("35", "34 or 36", "1"),
    ],
)
def test_round_ends_and_categories_give_nobody_away(own: str, published: str, unit: str) -> None:
    assert not gives_away(own, published, Decimal(unit))


def test_resolution_is_the_last_decimal_place() -> None:
    assert resolution_of(["20", "21.50", "NA", "22.125"]) == Decimal("0.001")
    assert resolution_of(["100", "stage 1.5x"]) == 1


def people(count: int) -> Table:
    """Return a table whose column "group" is alone for one person, and "result" for three others."""
    return table_of({
        "age": [str(20 + number % 4) for number in range(count)],
        "group": ["rare", *["common"] * (count - 1)],
        "result": [*["shared"] * (count - 3), "x", "y", "z"],
    })  # fmt: skip


def test_people_alone_after_a_command_is_carried_out() -> None:
    options = ["--quasi", "age", "--sensitive", "result", "--k", "5", "--out", "a.csv", "--report", "a"]
    found = carry_out(people(40), [*options, "--keep", "group"], 40)
    assert (found.people, found.published_columns, found.exact) == (40, 3, 0)
    # Who has "*" beside the rare result is chosen at random.
    assert (found.alone, found.alone_unchanged, found.alone_with_sensitive >= 1) == (1, 1, True)
    # The policy does not know the column, so it is left out by default.
    dropped = carry_out(people(40), options, 40)
    assert (dropped.published_columns, dropped.alone) == (2, 0)


def test_exact_numbers_of_people_are_counted_once() -> None:
    ages = [str(20 + number) for number in range(30)] + ["18 months"]
    table = table_of({"person": [f"P{number // 2}" for number in range(31)], "age": ages})
    found = carry_out(table, ["--quasi", "age", "--subject", "person", "--k", "2"], 16)
    exact = carry_out(table, ["--quasi", "age", "--k", "2"], 31)
    assert found.people == 16
    assert found.exact <= 16
    assert exact.exact_columns in ((), ("age",))


def test_proposal_is_carried_out(tmp_path: Path, anonymiser: Anonymiser) -> None:
    rows = ("subject,age,sex", *(f"P{n},{20 + n % 5},{'female' if n % 2 else 'male'}" for n in range(40)))
    found = publish_table(write(tmp_path / "a.csv", *rows), anonymiser.policy, most_rows=30)
    assert (found.unreadable, found.unpublished) == ("", "")
    assert (found.people, found.alone, found.exact) == (30, 0, 0)


def test_tables_that_are_not_published_say_why(tmp_path: Path, anonymiser: Anonymiser) -> None:
    wrong = publish_table(write(tmp_path / "a.csv", "sex,age", "F"), anonymiser.policy, most_rows=9)
    nobody = publish_table(write(tmp_path / "b.csv", "qqzx", "one", "two"), anonymiser.policy, most_rows=9)
    one = publish_table(write(tmp_path / "c.csv", "subject,age", "P1,30"), anonymiser.policy, most_rows=9)
    assert "1 cell, but the header has 2" in wrong.unreadable
    assert (nobody.unpublished, one.unpublished) == ("no quasi-identifier", "one person")


def tried(kind: str, *, rows: int, people: int) -> Tried:
    one = Imported(rows=rows, accepted=rows - 1, columns=4, cells=10, people=people, alone_in_public=1)
    one.reasons["why"] += 1
    one.dropped_columns |= {"a": "unknown", "b": "rule"}
    one.dropped_cells.update({"unknown": 3})
    return Tried(kind, f"{kind}/a.csv", one, Published(people=people, alone=2, exact=1, exact_columns=("age",)))


def test_totals_by_kind_and_of_all() -> None:
    refused = Tried("runs", "runs/b.csv", Imported(refused="no"), Published(unreadable="no"))
    found = totals([tried("runs", rows=5, people=4), refused, tried("survey", rows=7, people=6)])
    assert list(found) == ["runs", "survey", ALL]
    assert found["runs"]["tables_refused"] == {"no": 1}
    assert (found[ALL]["tables"], found[ALL]["rows"], found[ALL]["rows_accepted"]) == (3, 12, 10)
    assert (found["runs"]["columns"], found["runs"]["columns_dropped"]) == (4, 2)
    assert found[ALL]["unknown_titles"] == {"a": 2}
    assert found[ALL]["cells_dropped"] == {"unknown": 6}
    assert (found[ALL]["people"], found[ALL]["alone_in_public"]) == (10, 2)
    assert (found[ALL]["tables_published"], found[ALL]["alone_published"], found[ALL]["exact"]) == (2, 4, 2)
    assert found[ALL]["exact_columns"] == {"age": 2}


def test_text_has_every_kind_and_share() -> None:
    text = as_text([tried("runs", rows=5, people=4), tried("survey", rows=7, people=6)])
    assert "runs: 1 tables, 1 read, 0 refused" in text
    assert "4 of 5 (80.00%)" in text
    assert "10 of 12 (83.33%)" in text
    assert "2 of 4 (50.00%) people" in text


def test_processes_return_the_tables_in_order(tmp_path: Path) -> None:
    for name in ("b/two.csv", "a/one.csv", "b/one.csv"):
        write(tmp_path / name, "subject,sex", "P1,female", "P2,male")
    found = try_tables(tmp_path, organism=GUT, most_rows=10, processes=1)
    assert [one.file for one in found] == ["a/one.csv", "b/one.csv", "b/two.csv"]
    assert [one.imported.accepted for one in found] == [2, 2, 2]


def test_json_of_the_script(tmp_path: Path) -> None:
    write(tmp_path / "kind" / "a.csv", "subject,sex,qqzx", "P1,female,1", "P2,male,2")
    argv = [sys.executable, "-m", "bench.real_tables", str(tmp_path), "--json", "--processes", "1", "--rows", "1"]
    found = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)
    assert found["totals"]["kind"]["rows"] == 1
    assert found["tables"][0]["imported"]["dropped_columns"] == {"qqzx": "unknown"}
