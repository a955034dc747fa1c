"""Exact numbers: whether a generalised value still gives somebody's own number away."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

_NUMBER = r"-?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?"
_ALONE = re.compile(rf"[<>~≤≥]?=?\s*({_NUMBER})\+?(?:\s*[A-Za-zµ%°²/().]+){{0,2}}", re.ASCII)
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|to|\.\.)\s*({_NUMBER})")
_OPEN = re.compile(rf"(?:[<>≤≥]=?\s*({_NUMBER})|({_NUMBER})\s*\+)")
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d)?(?:[T ]\S+)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}", re.ASCII)
_PLACE = re.compile(rf"{_NUMBER}\s*[°NS]?\s*[,; ]\s*{_NUMBER}\s*[°EW]?", re.ASCII)
_OR = " or "
# A range may have up to this many cells of its grid. A finer grid would make almost every number round.
_MOST_CELLS = 128
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5))


def resolution_of(values: Iterable[str]) -> Decimal:
    """Return the unit of the last decimal place that a column uses: 0.01 for two places."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    return Decimal(1).scaleb(min((min(_exponent(number), 0) for number in numbers), default=0))


def gives_away(own: str, published: str, unit: Decimal) -> bool:
    """Return whether a published value contains somebody's own exact value.

    It does when the own number is an end of a published range and that end is not on a grid of round numbers, or when
    the own number, date or place is one member of a published set. `unit` is the resolution of the column. A value that
    is published unchanged belongs to everybody in its class, so it gives nobody away.
    """
    own, published = own.strip(), published.strip()
    if own == published:
        return False
    if _OR in published:
        return own in (member.strip() for member in published.split(_OR)) and _is_exact(own)
    number = _number(own)
    if number is None:
        return False
    if found := _RANGE.fullmatch(published):
        low, high = (_decimal(text) for text in found.groups())
        step = (high - low + unit) / _MOST_CELLS
        # Ranges of whole numbers are written with their last number: the grid has 30 for "20-29".
        is_low = number == low and not _is_round(low, step, unit)
        return is_low or (number == high and not any(_is_round(end, step, unit) for end in (high, high + unit)))
    if found := _OPEN.fullmatch(published):
        end = _decimal(found[1] or found[2])
        return number == end and _digits(end) > 1 and not _is_round(end, abs(end) / _MOST_CELLS, unit)
    return False


def _is_exact(text: str) -> bool:
    """Return whether a text is a date, a place, or a number with more than one significant digit."""
    if _DATE.fullmatch(text) or _PLACE.fullmatch(text):
        return True
    number = _number(text)
    return number is not None and _digits(number) > 1


def _is_round(number: Decimal, least: Decimal, unit: Decimal) -> bool:
    """Return whether a number is a multiple of a round step that is at least this large and coarser than the column."""
    least = max(least, 2 * unit)
    power = Decimal(1).scaleb(least.adjusted())
    steps = (factor * power * scale for scale in (1, 10) for factor in _STEPS)
    return any(number % step == 0 for step in steps if step >= least)


def _number(text: str) -> Decimal | None:
    found = _ALONE.fullmatch(text.strip())
    return _decimal(found[1]) if found else None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return Decimal(0)


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _digits(number: Decimal) -> int:
    return len(number.normalize().as_tuple().digits)
