"""Loss: how much a table tells less after generalisation.

NCP, the normalised certainty penalty (Xu et al. 2006): of a cell, 0 when it stands as it was and 1 when nothing is left
of it. An interval of numbers costs the part of the column's range that it covers; a node of a tree, or a set of
categories, the part of the column's values that it covers, and nothing when it is one value. Of a table it is the mean
over all cells of the quasi-identifiers, a row that is left out counting 1 in each.

Ranges, values and nodes are those of the rows that are published, numbers as they are written: a loss by the range of
the input could be solved for the number that lies at its end.

Discernibility (Bayardo and Agrawal 2005): every row costs the size of its class, and one that is left out the size of
the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.hierarchies.bands import ends_in
from fairdatabase.anonymity.model.classes import Ids
from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.table import Column


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of a table, that of each quasi-identifier alone, and its discernibility."""

    ncp: float
    ncp_by_column: dict[str, float]
    discernibility: int


def loss_of(lost: Mapping[str, float], ids: Ids, count: int, rows: int) -> Loss:
    """Return the loss of a table that had `rows` rows, from the sums of its cells and the class of each row."""
    left_out = rows - len(ids)
    by_column = {title: (total + left_out) / rows for title, total in lost.items()}
    sizes = np.bincount(ids, minlength=count)
    return Loss(
        ncp=sum(by_column.values()) / len(by_column),
        ncp_by_column=by_column,
        discernibility=int((sizes**2).sum()) + left_out * rows,
    )


def lost_as_written(column: Column) -> float:
    """Return the sum of the losses of a published column of numbers, by nothing but what is written in it."""
    counts = np.bincount(column.codes, minlength=len(column.values))
    found = [(count, ends_in(value)) for value, count in zip(column.values, counts.tolist(), strict=True) if count]
    ranges = [(count, *ends) for count, ends in found if ends is not None]
    gone = sum(c for value, c in zip(column.values, counts.tolist(), strict=True) if value == ANYTHING)
    if not ranges:
        return float(gone)
    extent = max(high for _, _, high in ranges) - min(low for _, low, _ in ranges)
    return gone + (sum(count * (high - low) for count, low, high in ranges) / extent if extent else 0.0)
