"""The bounds of the ranges that describe classes in a column of numbers.

The lowest number of a class belongs to somebody in it: "34-39" would reveal that one of these people is 34. So bounds
are rounded outwards to the bounds of narrow bands, which reveal only that somebody is in the band.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.bands import band_of, line_of, show
from fairdatabase.anonymity.model.values import read_numbers


@dataclass(frozen=True, slots=True)
class Grid:
    """The bands to which bounds are rounded: their width, and the column's resolution (see `bands.Line`)."""

    width: Decimal
    unit: Decimal


@dataclass(frozen=True, slots=True)
class Bounds:
    """For each rank: the lower bound of a range that starts there, and the upper bound of a range that ends there."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_texts: list[str]
    high_texts: list[str]


def grid_of(values: Sequence[str], most: int) -> Grid | None:
    """Return the grid of at most `most` bands, None if the values are not numbers, are too large or too precise."""
    numbers = read_numbers(values)
    line = line_of(values, numbers) if numbers is not None else None
    return Grid(line.width(most), line.unit) if line is not None else None


def bounds_of(numbers: Sequence[Decimal | None], grid: Grid | None) -> Bounds:
    """Return the bounds for numbers in ascending order (None where missing).

    Without a grid, each number is its own lower and upper bound. Equal numbers are always written the same way, because
    an unusual spelling could identify the person who used it.
    """
    texts = ["" if number is None else show(number) for number in numbers]
    if grid is None:
        exact = np.array([np.nan if number is None else float(number) for number in numbers])
        return Bounds(exact, exact, texts, texts)
    found = [(None, None) if n is None else band_of(n, grid.width, grid.unit) for n in numbers]
    low, high = (np.array([np.nan if end is None else float(end) for end in side]) for side in zip(*found, strict=True))
    low_texts, high_texts = (["" if end is None else show(end) for end in side] for side in zip(*found, strict=True))
    return Bounds(low, high, low_texts, high_texts)
