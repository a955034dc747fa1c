"""Bands: intervals of numbers such as "20-30". The width doubles per level, so bands are nested."""

from collections.abc import Sequence

import numpy as np

from fairdatabase.anonymity.model.hierarchy import Level, level_of
from fairdatabase.anonymity.model.number_line import ABOVE, BELOW, NumberLine, show


def bands(values: Sequence[str], line: NumberLine) -> list[Level]:
    """Return the levels of a column of numbers; none if bands would gain nothing.

    A value that is not a number stays unchanged. The loss of a band is the share of the column's range that it covers.
    """
    lowest, highest = line.lowest, line.highest
    levels: list[Level] = []
    width = 1
    # A band wider than the column's range would say little more than "*". Doubling the width does not always end in a
    # single band: 0 always separates the negative numbers from the others.
    while 1 < highest - lowest >= width:
        low = np.where(line.low == BELOW, lowest, line.low // width * width)
        high = np.where(line.high == ABOVE, highest, -(-line.high // width) * width)
        covered = np.clip(high, lowest, highest) - np.clip(low, lowest, highest)
        losses = np.where(line.is_number, covered / (highest - lowest), 0.0)
        labels = [
            value if number is None else line.label(first, last, width=width)
            for value, number, first, last in zip(
                values, line.numbers, line.low.tolist(), line.high.tolist(), strict=True
            )
        ]
        levels.append(level_of(f"bands of {show(line.step * width)}", labels, losses))
        width *= 2
    return levels
