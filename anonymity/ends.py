"""Ends: where the ranges of a column of numbers begin and end.

The lowest number of a class is that of somebody in it: "34-39" would say that one of these people is 34. So a range
goes outwards to the next number that `k` people in the table share, or to the end of a narrow band, whichever is
nearer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymity.bands import MOST_BANDS, line_of, show
from anonymity.people import People
from anonymity.table import Column
from anonymity.values import rank_numbers


@dataclass(frozen=True, slots=True)
class Sharing:
    """How many of these people have to share a number before it may end a range; else a band of at most `most` does."""

    people: People
    k: int
    most: int = MOST_BANDS


@dataclass(frozen=True, slots=True)
class Ends:
    """By rank: where a range begins whose lowest value has that rank, where one ends, and how that is written."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    low_texts: list[str]
    high_texts: list[str]
    rounded: bool


def ends_of(column: Column, numbers: NDArray[np.float64], order: NDArray[np.integer], sharing: Sharing | None) -> Ends:
    """Return the ends of a column whose values have these numbers (NaN where missing) and, by rank, this order.

    Without `sharing`, or where numbers are too large or too fine for bands, ranges end at the very values.
    """
    texts = [column.values[code].strip() for code in order.tolist()]
    line = line_of(column.values, numbers) if sharing is not None else None
    if sharing is None or line is None:
        return Ends(numbers[order], numbers[order], texts, texts, rounded=False)
    ranks, count = rank_numbers(column.values, numbers)
    people = sharing.people.count(ranks[column.codes].astype(np.int64) + 1, count + 1)
    shared = people[ranks + 1] >= sharing.k
    width = line.width(sharing.most)
    low, high = numbers[order], numbers[order]
    low_texts, high_texts = list(texts), list(texts)
    for at, written, side in ((low, low_texts, 0), (high, high_texts, 1)):
        nearest = None
        for rank in range(len(texts)) if side == 0 else reversed(range(len(texts))):
            code = int(order[rank])
            number = line.exact[code]
            if number is None:
                continue
            if shared[code]:
                nearest = number, texts[rank]
                continue
            end = line.band(number, width)[side]
            if nearest is not None and (nearest[0] >= end if side == 0 else nearest[0] <= end):
                at[rank], written[rank] = float(nearest[0]), nearest[1]
            else:
                at[rank], written[rank] = float(end), show(end)
    return Ends(low, high, low_texts, high_texts, rounded=True)
