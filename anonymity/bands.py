"""Bands: numbers in intervals that double in width, "20-29", aligned so that each lies within one of the next level."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from anonymity.hierarchy import Level, level_of
from anonymity.values import is_missing

# So many bands at the first level, at most: about as many as people can tell apart in a table.
_MOST_BANDS = 25
# With more decimal places, or larger numbers, the ends of a band would no longer be exact.
_MOST_PLACES = 6
_LARGEST = Decimal(2**52)


def bands(values: Sequence[str], numbers: NDArray[np.float64]) -> list[Level]:
    """Return the levels of a column of numbers (NaN where missing); none where bands gain nothing.

    Ends are inclusive, at the column's own resolution: "20-29" of whole numbers, "20-29.9" of tenths. A missing value
    stays as it is. A band loses the part of the column's range that it covers.
    """
    exact = [None if np.isnan(n) else Decimal(v.strip()) for v, n in zip(values, numbers, strict=True)]
    present = [number for number in exact if number is not None]
    places = max(0, *(-int(number.as_tuple().exponent) for number in present))
    unit = Decimal(1).scaleb(-places)
    lowest, highest = min(present), max(present)
    if places > _MOST_PLACES or max(abs(lowest), abs(highest)) / unit > _LARGEST or highest == lowest:
        return []
    levels: list[Level] = []
    width = _first_width(highest - lowest, unit)
    # A wider band would say little more than "*"; below and above 0 no width would ever join the last two.
    while width <= highest - lowest:
        starts = [None if number is None else (number // width - (number % width < 0)) * width for number in exact]
        ends = [None if start is None else start + width - unit for start in starts]
        losses = [
            0.0 if s is None or e is None else float((min(e, highest) - max(s, lowest)) / (highest - lowest))
            for s, e in zip(starts, ends, strict=True)
        ]
        signed = lowest < 0
        labels = [
            value if s is None or e is None else between(show(s), show(e), signed=signed)
            for value, s, e in zip(values, starts, ends, strict=True)
        ]
        levels.append(level_of(f"bands of {show(width)}", labels, np.array(losses)))
        width *= 2
    return levels


def between(low: str, high: str, *, signed: bool) -> str:
    """Return how an interval is written; a column with negative numbers has "to" in all of its intervals."""
    return f"{low} to {high}" if signed else f"{low}-{high}"


def show(number: Decimal) -> str:
    """Return a number without an exponent or zeros that say nothing."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def is_signed(values: Sequence[str]) -> bool:
    """Tell whether "20-29" could be misread in a column of these numbers: one has a sign or an exponent."""
    return any(mark in value for value in values if not is_missing(value) for mark in "+-eE")


def _first_width(extent: Decimal, unit: Decimal) -> Decimal:
    """Return the least of 1, 2 and 5 times a power of ten that gives few enough bands, and holds two values or more."""
    power = unit
    while True:
        for factor in (1, 2, 5):
            width = factor * power
            if width > unit and extent / width <= _MOST_BANDS:
                return width
        power *= 10
