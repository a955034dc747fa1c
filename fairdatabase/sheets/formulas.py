"""Formulas: a spreadsheet program runs a cell that looks like one, also from a CSV file.

Which characters separate cells depends on the country and on how the file is opened, not on the file. So a formula may
begin after any comma, semicolon, tab or end of line. Quotes do not help: they count only at the start of a cell.
"""

import re

# Signs as they are, and in the width of Chinese characters, which some programs take for the same.
_SIGNS = "=+@\\-＝＋－＠"
# What programs skip before a formula: quotes, spaces, control characters, byte order marks, characters without width.
_SKIPPED = '[" \xa0\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\u200b-\u200f\u2060]*'
_FORMULA = re.compile(f"(^|[,;\t\r\n])({_SKIPPED}[{_SIGNS}][^,;\t\r\n]*)")
_ONE_NUMBER = r"[+-]?\s?(?:\d[\d\s.]*|\.\d+)(?:[eE][+-]?\d+)?(?:\s?(?:%|°?[^\W\d_]{0,12}))?"
# Numbers and ranges of numbers may begin with a sign, and have a unit.
_NUMBER = re.compile(rf"\s*{_ONE_NUMBER}(?:\s*(?:to|–|−)\s*{_ONE_NUMBER})?\s*")


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet program takes for a formula: an apostrophe precedes each that it contains."""
    return _FORMULA.sub(_neutral, cell)


def _neutral(found: re.Match[str]) -> str:
    separator, formula = found.groups()
    return found[0] if _NUMBER.fullmatch(formula) else f"{separator}'{formula}"
