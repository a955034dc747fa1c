"""Quantities: reads a number, a range or a bound, with or without a unit, as people write it."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from fairdatabase.policy.text.characters import fold
from fairdatabase.policy.text.numbers import read_numbers
from fairdatabase.policy.text.scales import convert, converts

_LONGEST = 60
_NUMBER = (
    r"[+-]?(?:\d(?:[\d.,']| (?=\d))*|[.,]\d+)(?:[eE][+-]?\d{1,2}(?![\w.]))?"
    r"(?: ?[xX*×] ?10 ?(?:\^|\*\*) ?[+-]?\d{1,2})?"
)
_PART = re.compile(rf"(?P<number>{_NUMBER})(?P<plus> ?\+)?,? ?(?P<unit>[^\d\s].*)?", re.ASCII)
_WITH_UNIT = re.compile(rf"(?P<numbers>[<>=]*{_NUMBER}(?: ?(?:-| to ) ?{_NUMBER})?),? ?(?P<unit>[^\d\s].*)?", re.ASCII)
_UNIT = r"[^\W\d]+\.?|''|['\"]"
_COMPOUND = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)?) ?(?P<unit>{_UNIT})(?:,? (?:and|und|et|en|y|e|och|og|ja|i) |,? ?|$)"
)
_RANGE = re.compile(
    r"(?<=[\w.%'\")\]°]) ?(?:-|\.\.+|~| to | until | through | bis | tot | a | ate | till | and ) ?(?=[+-]?[\d.,])",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:between|from|zwischen|entre) ", re.IGNORECASE)
_BOUND = re.compile(
    r"(?P<sign>[<>]=?|=[<>]|[≤≥]) ?|(?P<below>(?:less|younger|lower|fewer) than|under|below) "
    r"|(?P<most>up to|at most) |(?P<above>(?:more|older|higher|greater) than|over|above) |(?P<least>at least) ",
    re.IGNORECASE,
)
_OR_MORE = re.compile(r" ?(?:and|or|&) (?:over|older|above|more|up|higher|greater)", re.IGNORECASE)
_OR_LESS = re.compile(r" ?(?:and|or|&) (?:under|younger|below|less|lower|fewer)", re.IGNORECASE)
_OLD = re.compile(r"(?<=[a-z.]) ?-? ?old$| of age$", re.IGNORECASE)
_AGED = re.compile(r"aged? (?=[\d<>])", re.IGNORECASE)
_ISO_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO_DURATION = re.compile(
    rf"P(?=\d|T\d)(?:{_ISO_NUMBER}Y)?(?:{_ISO_NUMBER}M)?(?:{_ISO_NUMBER}W)?(?:{_ISO_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_ISO_NUMBER}H)?(?:{_ISO_NUMBER}M)?(?:{_ISO_NUMBER}S)?)?",
    re.IGNORECASE,
)
_ISO_UNITS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
_DURATIONS = ("years", "weeks", "days")
# "5'10", "1m75": the last unit is left out.
_SHORT_COMPOUND = (
    (re.compile(r"(\d)(?: ?'| ?ft) ?(\d{1,2})(?: ?''| ?\"| ?in)?", re.IGNORECASE), "ft", "in"),
    (re.compile(r"([12]) ?m ?(\d\d)", re.IGNORECASE), "m", "cm"),
)
# Weeks of a pregnancy, with days: "38+4".
_WEEKS_AND_DAYS = re.compile(r"(\d{1,2}) ?\+ ?([0-6])")


class Quantity(NamedTuple):
    """A number or a range in the unit of a field."""

    low: float
    high: float
    is_above: bool = False
    """Whether `low` itself is excluded."""
    is_below: bool = False
    """Whether `high` itself is excluded."""


class UnitUnknown(ValueError):
    """The value has a unit that does not convert into the unit of its field."""


def read_quantities(text: str, unit: str, read_in: str = "") -> list[Quantity]:
    """Return the ways to read a clean text as a quantity in `unit`; none if it is not a quantity.

    A number without a unit is in `read_in`. `unit` is empty for a number that has none. Raises UnitUnknown.
    """
    if len(text) > _LONGEST:
        return []
    text = fold(text).replace("\\,", ",").strip("\"' ") if not text.endswith(("'", '"')) else fold(text)
    text = _OLD.sub("", _AGED.sub("", text)) if unit == "years" else text
    if unit == "pH" and text[:2].lower() == "ph":
        text = text[2:].lstrip(" =:")
    if match := _BOUND.match(text):
        return _bounded(match, text[match.end() :], unit, read_in)
    for suffix, is_least in ((_OR_MORE, True), (_OR_LESS, False)):
        if match := suffix.search(text):
            text = text[: match.start()] + text[match.end() :]
            return [_open(number, is_least) for number in _numbers(text, unit, read_in)]
    if found := _single(text, unit, read_in):
        return found
    between = _BETWEEN.match(text)
    if match := _RANGE.search(text, between.end() if between else 0):
        return _ranges(text[between.end() if between else 0 : match.start()], text[match.end() :], unit, read_in)
    if (part := _PART.fullmatch(text)) and part["unit"] and read_numbers(_trimmed(part["number"])):
        raise UnitUnknown
    return []


def split_unit(text: str) -> tuple[str, str]:
    """Return the number or range of a clean text, and its unit, both empty if the text does not begin with a number."""
    text = fold(text).replace("\\,", ",")
    if (match := _WITH_UNIT.fullmatch(text)) is None:
        return text, ""
    return match["numbers"], (match["unit"] or "").strip("()[] ")


def _bounded(match: re.Match[str], text: str, unit: str, read_in: str) -> list[Quantity]:
    sign = match["sign"] or ""
    is_upper = "<" in sign or "≤" in sign or bool(match["below"] or match["most"])
    is_inclusive = "=" in sign or sign in ("≤", "≥") or bool(match["most"] or match["least"])
    return [_open(number, not is_upper, not is_inclusive) for number in _numbers(text, unit, read_in)]


def _open(number: float, is_least: bool, is_excluded: bool = False) -> Quantity:
    if is_least:
        return Quantity(number, math.inf, is_above=is_excluded)
    return Quantity(-math.inf, number, is_below=is_excluded)


def _single(text: str, unit: str, read_in: str) -> list[Quantity]:
    match = _PART.fullmatch(text)
    if match and match["plus"]:
        return [
            _open(number, True)
            for number in _numbers(text.replace("+", "", 1) if text[0] != "+" else text, unit, read_in)
        ]
    return [Quantity(number, number) for number in _numbers(text, unit, read_in)]


def _ranges(first: str, second: str, unit: str, read_in: str) -> list[Quantity]:
    """Return the ways to read a range. If only one end has a unit, it applies to both."""
    low, high = _PART.fullmatch(first.strip()), _PART.fullmatch(second.strip())
    if low and high and not low["unit"]:
        first = f"{low['number']} {high['unit'] or ''}".strip()
    elif low and high and not high["unit"]:
        second = f"{high['number']} {low['unit']}"
    return [
        Quantity(bottom, top)
        for bottom in _numbers(first.strip(), unit, read_in)
        for top in _numbers(second.strip(), unit, read_in)
        if bottom <= top
    ]


def _numbers(text: str, unit: str, read_in: str) -> list[float]:
    """Return the ways to read a text as one number in `unit`."""
    match = _PART.fullmatch(text)
    if match and not match["plus"]:
        given = (match["unit"] or "").strip("()[] ")
        numbers = read_numbers(_trimmed(match["number"]))
        if numbers and not given and not read_in:
            return numbers
        if numbers and unit and (not given or converts(given, unit)):
            return [convert(number, given or read_in, unit) for number in numbers]
    if unit in _DURATIONS and (iso := _ISO_DURATION.fullmatch(text)):
        parts = ((part or "").replace(",", ".") for part in iso.groups())
        found = [convert(float(part), name, unit) for part, name in zip(parts, _ISO_UNITS, strict=True) if part]
        return [round(sum(found), 9)] if found else []
    if unit == "weeks" and (weeks := _WEEKS_AND_DAYS.fullmatch(text)):
        return [int(weeks[1]) + int(weeks[2]) / 7]
    for pattern, larger, smaller in _SHORT_COMPOUND:
        if unit and converts(larger, unit) and (short := pattern.fullmatch(text)):
            return [convert(float(short[1]), larger, unit) + convert(float(short[2]), smaller, unit)]
    return [round(sum(parts), 9)] if unit and (parts := list(_compound(text, unit))) else []


def _compound(text: str, unit: str) -> Iterator[float]:
    """Yield the parts of "3 years 4 months", or nothing if the text is not a sum of decreasing units."""
    parts: list[float] = []
    sizes: list[float] = []
    position = 0
    while position < len(text) and (match := _COMPOUND.match(text, position)):
        given = match["unit"]
        if given.lower() in ("m", "w") and parts and unit in _DURATIONS:
            given = {"m": "months", "w": "weeks"}[given.lower()]
        if not converts(given, unit):
            return
        parts.append(convert(float(match["number"].replace(",", ".")), given, unit))
        sizes.append(convert(1, given, unit))
        position = match.end()
    if position == len(text) and len(parts) > 1 and all(a > b for a, b in pairwise(sizes)):
        yield from parts


def _trimmed(number: str) -> str:
    return number.rstrip(" ',") if number[-1] != "." else number
