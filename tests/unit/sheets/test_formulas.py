"""Cells that a spreadsheet program would run are written as text."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairdatabase.sheets.formulas import as_text


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "=cmd|' /C calc'!A0", "@SUM(A1)", "+A1", "+E5", "-2+3+cmd|' /C calc'!A0", "-x", "+(1)", " =1", "\ufeff=1",
        "\u200b=1", "\x00=1", '"=1', "＝1+1", "－A1", "＠SUM(A1)", "-5-3",
        "\u3000=1", "\u2003=1", "\u202f=1", "\xad=1", "\u2028=1", "\x85=1", "\u2066=1", "\u202d=1", "\x7f=1", "\x0b=1",
        "﹦1", "﹢A1", "﹫SUM(A1)", "\u2212A1",
    ],
)  # fmt: skip
def test_formula_becomes_text(cell: str) -> None:
    assert as_text(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("\t=1", "\t'=1"),
        ("\r=1", "\r'=1"),
        ("stool;=HYPERLINK(A1)", "stool;'=HYPERLINK(A1)"),
        ("stool, =A1", "stool,' =A1"),
        ("a|=cmd", "a|'=cmd"),
        ("first\n=A1", "first\n'=A1"),
        ("first\t@A1;-A1", "first\t'@A1;'-A1"),
        ('stool;"=A1"', 'stool;\'"=A1"'),
    ],
)
def test_formula_within_a_cell_becomes_text(cell: str, text: str) -> None:
    assert as_text(cell) == text


@pytest.mark.parametrize(
    "cell",
    [
        "", "-5", "+1.5", "-1e-3", "-10 to -5", "-10–5", "-5 %", "<40", "30-39", "a=b", "-1,5", "-1 000,5", "-80C",
        "stool, -80 °C", "1;-2", "-.5", "a - b", "\u22125", "\u221280 °C", "gut; oral", "P-01; P-02",
    ],
)  # fmt: skip
def test_other_cells_stay(cell: str) -> None:
    assert as_text(cell) == cell


@example(["\t=A1", "x"], ",", "\t")
@example(["x", 'x;"=A1"'], ",", ";")
@given(
    st.lists(st.text('=+-@A1,;\t\n" x', max_size=12), min_size=2, max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([",", ";", "\t"]),
)
def test_no_reader_finds_a_formula_whatever_it_takes_for_the_separator(
    cells: list[str], written: str, read: str
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=written).writerow([as_text(cell) for cell in cells])
    for row in csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=read):
        for cell in row:
            assert not cell.lstrip('" ').startswith(("=", "@", "+A", "-A", "+x", "-x"))
