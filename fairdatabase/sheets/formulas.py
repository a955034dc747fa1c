"""Formulas: a spreadsheet program runs a cell that looks like one, also from a CSV file.

Which characters separate cells depends on the country and on how the file is opened, not on the file. So a formula may
begin after any comma, semicolon, bar, tab or end of line. Quotes do not help: they count only at the start of a cell.
"""

import re

# Signs as they are, and their forms in other widths, which some programs take for the same.
_SIGNS = "=+@\\-＝＋－＠﹦﹢﹣﹫\u2212"
# What programs may skip before a formula: quotes, spaces of all kinds, control and format characters.
_SKIPPED = (
    r"(?:[^\S\t\r\n]"
    r'|["\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb])*'
)
_FORMULA = re.compile(rf"(^|[,;|\t\r\n])({_SKIPPED}[{_SIGNS}][^,;|\t\r\n]*)")
_ONE_NUMBER = r"[+\-\u2212]?\s?(?:\d[\d\s.]*|\.\d+)(?:[eE][+-]?\d+)?(?:\s?(?:%|°?[^\W\d_]{0,12}))?"
# Numbers and ranges of numbers may begin with a sign, and have a unit.
_NUMBER = re.compile(rf"\s*{_ONE_NUMBER}(?:\s*(?:to|–|−)\s*{_ONE_NUMBER})?\s*")


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet program takes for a formula: an apostrophe precedes each that it contains."""
    return _FORMULA.sub(_neutral, cell)


def _neutral(found: re.Match[str]) -> str:
    separator, formula = found.groups()
    return found[0] if _NUMBER.fullmatch(formula) else f"{separator}'{formula}"
