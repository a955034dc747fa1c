"""Formulas: a spreadsheet program runs a cell that looks like one, also from a CSV file."""

import re

_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Numbers, and ranges of numbers, may begin with a sign.
_NUMBER = re.compile(r"[+-][\d.,\s%eE+-]*(?:to|–|−)?[\d.,\s%eE+-]*")


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet program takes for a formula: those begin with an apostrophe."""
    if not cell.startswith(_STARTS) or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"
