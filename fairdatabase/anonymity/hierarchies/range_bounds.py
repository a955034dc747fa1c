"""Ends: where the ranges of a column of numbers begin and end.

The lowest number of a class is that of somebody in it: "34-39" would say that one of these people is 34. So a range
goes outwards to the ends of narrow bands, which say no more than that somebody is in that band.
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
    """The bands at whose ends ranges begin and end: how wide they are, and the last decimal of the column."""

    width: Decimal
    unit: Decimal


@dataclass(frozen=True, slots=True)
class Ends:
    """By rank: where a range begins whose lowest value has that rank, where one ends, and how that is written."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_texts: list[str]
    high_texts: list[str]


def grid_of(values: Sequence[str], most: int) -> Grid | None:
    """Return the grid of `most` bands at most, None where values are no numbers, or too large or fine for bands."""
    numbers = read_numbers(values)
    line = line_of(values, numbers) if numbers is not None else None
    return Grid(line.width(most), line.unit) if line is not None else None


def ends_of(numbers: Sequence[Decimal | None], grid: Grid | None) -> Ends:
    """Return the ends by numbers in order (None where missing); without a grid, ranges end at the very numbers.

    All are written alike, however the column spells them: a spelling may be that of one person.
    """
    texts = ["" if number is None else show(number) for number in numbers]
    if grid is None:
        exact = np.array([np.nan if number is None else float(number) for number in numbers])
        return Ends(exact, exact, texts, texts)
    found = [(None, None) if n is None else band_of(n, grid.width, grid.unit) for n in numbers]
    low, high = (np.array([np.nan if end is None else float(end) for end in side]) for side in zip(*found, strict=True))
    low_texts, high_texts = (["" if end is None else show(end) for end in side] for side in zip(*found, strict=True))
    return Ends(low, high, low_texts, high_texts)
