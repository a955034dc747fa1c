"""A review says what the policy does to each column, and prints no value that would not be stored."""

from pathlib import Path

import pytest

from fairdatabase.sheets.table import read_rows
from privacy_svc.review import main, review
from tests.unit.policy.samples import POLICY

TABLE = """sample_id\tBody Site\thost_age\tnotes\tcolour\tname
Q1\tfeces\t34\twith Quartzfeather\tblue\tZebulon Quartzfeather
Q2\tQuartzfeather\tsoon\t\tred\tZebulon Quartzfeather
Q3\t"left palm"\t35\t\t\t
"""


def test_each_column_is_counted_by_outcome(tmp_path: Path) -> None:
    (tmp_path / "table").write_text(TABLE)
    columns = review(read_rows(tmp_path / "table"), POLICY)
    assert {title: (column.name, column.field_class, dict(column.counts)) for title, column in columns.items()} == {
        "sample_id": ("sample_id", "direct", {"dropped": 3}),
        "Body Site": ("body_site", "public", {"kept": 2, "dropped": 1}),
        "host_age": ("age", "quasi-identifier", {"generalised": 2, "dropped": 1}),
        "notes": ("notes", "restricted", {"generalised": 1, "blank": 2}),
        "colour": ("unknown", "unknown", {"dropped": 2, "blank": 1}),
        "name": ("name", "direct", {"dropped": 3}),
    }
    assert columns["Body Site"].examples == ["feces", "left palm"]
    assert columns["host_age"].examples == ["30-39"]


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_output_contains_only_values_that_are_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], delimiter: str
) -> None:
    table = tmp_path / "table"
    table.write_text(TABLE.replace("\t", delimiter), encoding="utf-8")
    assert main([str(table)]) == 0
    printed = capsys.readouterr().out
    assert "Body Site: body_site, public, kept: 2 kept, 1 dropped" in printed
    assert "Quartzfeather" not in printed
    assert "soon" not in printed


def test_values_of_a_higher_class_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["vagina", "feces", "skin ulcer", "feces of a smoker", "prostate", "tongue"]
    (tmp_path / "table").write_text("\n".join(["body site", *rows]))
    columns = review(read_rows(tmp_path / "table"), POLICY)
    assert columns["body site"].field_class == "public"
    assert columns["body site"].raised == {"quasi-identifier": 2, "sensitive": 2}
    assert main([str(tmp_path / "table")]) == 0
    line = "body_site, public, kept: 6 kept; 2 of them quasi-identifier; 2 of them sensitive"
    assert line in capsys.readouterr().out


def test_unreadable_table_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "latin").write_bytes(b"\xef\xbb\xbfname\n\xff\xfe")
    for name, why in (("latin", "line 2, column 1: not UTF-8"), ("missing", "No such file")):
        assert main([str(tmp_path / name)]) == 1
        assert f"{name}: {why}" in capsys.readouterr().err
    assert main([]) == 2


def test_help_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m privacy_svc.review FILE")
