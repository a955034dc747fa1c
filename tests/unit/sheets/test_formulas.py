"""Cells that a spreadsheet program would run are written as text."""

import pytest

from fairdatabase.sheets.formulas import as_text


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+A1", "-2+3+cmd|' /C calc'!A0", "\t=1", "\r=1", "-x", "+(1)"],
)
def test_formula_becomes_text(cell: str) -> None:
    assert as_text(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "-5", "+1.5", "-1e-3", "-10 to -5", "-10–5", "-5 %", "<40", "30-39", "a=b"])
def test_other_cells_stay(cell: str) -> None:
    assert as_text(cell) == cell
