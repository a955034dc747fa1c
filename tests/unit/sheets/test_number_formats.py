"""Numbers are read as their formats show them, where the format changes their meaning."""

from datetime import date
from typing import Any

import pytest

from tests.unit.sheets.workbooks import cells, packed


@pytest.mark.parametrize(
    ("value", "written", "text"),
    [
        (0.41, "0%", "41%"),
        (0.07, "0.0%", "7%"),
        (0.1875, "0.00%", "18.75%"),
        (0.29, "0%;[Red]-0%", "29%"),
        (-0.031, '0.0 "per cent" %', "-3.1%"),
        (1, "0%", "100%"),
        (12.5, "#,##0%", "1250%"),
        (0.1 + 0.2, "0%", "30%"),
        (1 / 3, "0%", "33.3333333333333%"),
        (0, "0%", "0%"),
        (0.000041, "0.00%", "0.0041%"),
        (817, "000000", "000817"),
        (817.0, "00000", "00817"),
        (4, "00", "04"),
        (0, "0000", "0000"),
        (1234567, "0000", "1234567"),
        (10115, '"DE-"00000', "DE-10115"),
        (21391234, r"00000\-0000", "02139-1234"),
        (9123412345, "00-0000-0000", "91-2341-2345"),
        (81.5, "00000", "81.5"),
        (-81, "00000", "-81"),
        (0.41, '0.0"%"', "0.41"),
        (0.41, r"0.0\%", "0.41"),
        (0.41, "[<1]0%;0.0", "0.41"),
        (81.5, "0.00", "81.5"),
        (8150, "#,##0", "8150"),
        (8150, '0" kg"', "8150"),
        (8150, "0.00E+00", "8150"),
        (8150, "0" * 41, "8150"),
        ("0.41", "0%", "0.41"),
        ("817", "00000", "817"),
        (True, "0%", "true"),
        (date(2019, 3, 1), "dd/mm/yy", "2019-03-01"),
        (None, "0%", ""),
    ],
)
def test_number_is_shown_as_its_format_shows_it(value: object, written: str, text: str) -> None:
    def fill(sheet: Any) -> None:
        for row in (["tube", "found", "end"], ["t1", value, 0.5], ["t2", "as text", 3]):
            sheet.append(row)
        sheet["B2"].number_format = written

    assert cells(packed(fill)) == [["tube", "found", "end"], ["t1", text, "0.5"], ["t2", "as text", "3"]]
