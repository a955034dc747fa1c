"""Shows a number as its format in Excel does, where the format changes what the reader understands.

A share of 0.34 with the format `0%` is shown as 34%, and a code of 42 with the format `00000` as 00042. Other formats
only round or decorate a number, so they do not count.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

Show = Callable[[float, str], str]
"""Returns a number as its format shows it, given the number and its shortest text."""

_LONGEST = 40
"""Longer formats do not count: each cell would repeat their text."""
_LARGEST = 1e15
_SECTIONS = re.compile(r'((?:[^;"\\]|"[^"]*"|\\.)*)(?:;|$)')
_TOKENS = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|(\[[^\]]*\])|(.)')
_CONDITION = re.compile(r"\[[<>=]")
_AS_THEY_ARE = " -+():$"
"""What Excel shows without quotes."""


def shows(book: "Workbook") -> dict[int, Show]:
    """Return, by the number of its style, how each style shows a number that it does not show as it is."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

    # The library has a public name only for the format of a cell, which is slow to ask for in each cell.
    styles, own = cast("Any", book)._cell_styles, cast("Any", book)._number_formats  # noqa: SLF001
    found: dict[int, Show] = {}
    for number, style in enumerate(styles):
        identity = style.numFmtId
        at = identity - BUILTIN_FORMATS_MAX_SIZE
        written = BUILTIN_FORMATS.get(identity, "") if at < 0 else own[at] if at < len(own) else ""
        if show := show_of(written):
            found[number] = show
    return found


def show_of(written: str) -> Show | None:
    """Return how a format shows a number; None if as it is."""
    if len(written) > _LONGEST or _CONDITION.search(written):
        return None
    first = _SECTIONS.match(written)
    tokens = [_token(found) for found in _TOKENS.finditer(first[1])] if first else []
    codes = "".join(text for text, is_literal in tokens if not is_literal)
    if codes.count("%") == 1 and "0" in codes.replace("#", "0"):
        return _percent
    if codes.count("0") > 1 and not codes.strip("0"):
        return _padded(tokens)
    return None


def _token(found: re.Match[str]) -> tuple[str, bool]:
    """Return a part of a format, and whether it is shown as it is written."""
    quoted, escaped, brackets, char = found.groups()
    if char is not None:
        return char, char in _AS_THEY_ARE
    # Brackets hold a colour or a language; blanks as wide as another character are not shown.
    return ("" if brackets else quoted or escaped or ""), True


def _percent(value: float, text: str) -> str:
    return f"{(Decimal(text) * 100).normalize():f}%"


def _padded(tokens: list[tuple[str, bool]]) -> Show:
    """Return how a format of zeros shows a whole number: its digits in the places of the zeros."""
    places = sum(not is_literal for _, is_literal in tokens)

    def show(value: float, text: str) -> str:
        if not 0 <= value < _LARGEST or value != int(value):
            return text
        digits = str(int(value)).zfill(places)
        more = len(digits) - places
        shown = iter((digits[: more + 1], *digits[more + 1 :]))
        return "".join(part if is_literal else next(shown) for part, is_literal in tokens)

    return show
