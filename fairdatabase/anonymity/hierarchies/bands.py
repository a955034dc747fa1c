"""Bands: intervals of numbers such as "20-29". The width doubles per level, so bands are nested."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.hierarchy import Level, level_of
from fairdatabase.anonymity.model.values import NUMBER

# The maximum number of bands at the first level: about as many as people can distinguish in a table.
MOST_BANDS = 25
# With more decimal places, or larger numbers, the bounds of a band would not be exact.
_MOST_PLACES = 6
_LARGEST = Decimal(2**52)
_WRITTEN = re.compile(r"(-?\d+(?:\.\d+)?)(?: to |-)(-?\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A column of numbers (None where missing), the lowest and the highest, and the resolution `unit`.

    The resolution is the place value of the last decimal: 0.1 if numbers have one decimal.
    """

    exact: list[Decimal | None]
    lowest: Decimal
    highest: Decimal
    unit: Decimal

    def width(self, most: int) -> Decimal:
        """Return the smallest width (1, 2 or 5 times a power of ten) of at most `most` bands of at least two values."""
        power = self.unit
        while True:
            for factor in (1, 2, 5):
                width = factor * power
                if width > self.unit and (self.highest - self.lowest) / width <= most:
                    return width
            power *= 10


def line_of(values: Sequence[str], numbers: NDArray[np.float64]) -> Line | None:
    """Return a column of numbers (NaN where missing) as a line; None if the bounds of bands would not be exact."""
    exact = [None if np.isnan(n) else Decimal(v.strip()) for v, n in zip(values, numbers, strict=True)]
    present = [number for number in exact if number is not None]
    # "38.0" among whole numbers counts as a whole number.
    places = max(len(show(number).partition(".")[2]) for number in present)
    lowest, highest = min(present), max(present)
    unit = Decimal(1).scaleb(-places)
    if places > _MOST_PLACES or max(abs(lowest), abs(highest)) / unit > _LARGEST:
        return None
    return Line(exact, lowest, highest, unit)


def band_of(number: Decimal, width: Decimal, unit: Decimal) -> tuple[Decimal, Decimal]:
    """Return the first and the last number of the band that contains a number."""
    start = (number // width - (number % width < 0)) * width
    return start, start + width - unit


def bands(values: Sequence[str], numbers: NDArray[np.float64]) -> list[Level]:
    """Return the levels of a column of numbers (NaN where missing); none if bands would gain nothing.

    Bounds are inclusive, at the column's own resolution: "20-29" for whole numbers, "20-29.9" for tenths. A missing
    value stays unchanged. The loss of a band is the share of the column's range that it covers.
    """
    line = line_of(values, numbers)
    if line is None or line.highest == line.lowest:
        return []
    lowest, highest = line.lowest, line.highest
    levels: list[Level] = []
    width = line.width(MOST_BANDS)
    # A band wider than the column's range would say little more than "*". Doubling the width does not always end in a
    # single band: 0 always separates the negative numbers from the others.
    while width <= highest - lowest:
        found = [None if number is None else band_of(number, width, line.unit) for number in line.exact]
        losses = [
            0.0 if band is None else float((min(band[1], highest) - max(band[0], lowest)) / (highest - lowest))
            for band in found
        ]
        signed = lowest < 0
        labels = [
            value if band is None else between(show(band[0]), show(band[1]), signed=signed)
            for value, band in zip(values, found, strict=True)
        ]
        levels.append(level_of(f"bands of {show(width)}", labels, np.array(losses)))
        width *= 2
    return levels


def between(low: str, high: str, *, signed: bool) -> str:
    """Return an interval as text. A column with negative numbers uses "to" in all of its intervals."""
    return f"{low} to {high}" if signed else f"{low}-{high}"


def show(number: Decimal) -> str:
    """Return a number without an exponent or redundant zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def bounds_in(text: str) -> tuple[float, float] | None:
    """Return the bounds of a text that `between` wrote, or of a single number; None for any other text."""
    if found := _WRITTEN.fullmatch(text):
        return float(found[1]), float(found[2])
    plain = text.strip()
    return (float(plain), float(plain)) if NUMBER.fullmatch(plain) else None
