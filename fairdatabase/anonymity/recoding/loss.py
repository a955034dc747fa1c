"""Information loss: how much detail generalisation removes from a table.

NCP, the normalised certainty penalty (Xu et al. 2006), of a cell is 0 if it is unchanged and 1 if nothing is left. An
interval of numbers costs the share of the column's range that it covers. A node of a tree, or a set of categories,
costs the share of the column's values that it covers, and nothing if it is a single value. The NCP of a table is the
mean over all cells of the quasi-identifiers; a row that is left out counts 1 in each.

All shares are relative to the published rows, with numbers as written. From a loss relative to the range of the input,
somebody could compute the lowest or highest number of the input.

Discernibility (Bayardo and Agrawal 2005): each row costs the size of its class; a row that is left out costs the size
of the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.model.classes import Ids
from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.number_line import bounds_in
from fairdatabase.anonymity.model.table import Column


@dataclass(frozen=True, slots=True)
class Loss:
    """The NCP of a table and of each quasi-identifier, and the discernibility of the table."""

    ncp: float
    ncp_by_column: dict[str, float]
    discernibility: int


def loss_of(lost: Mapping[str, float], ids: Ids, count: int, rows: int) -> Loss:
    """Return the loss of a table that had `rows` rows, from the summed loss per column and the class of each row."""
    left_out = rows - len(ids)
    by_column = {title: (total + left_out) / rows for title, total in lost.items()}
    sizes = np.bincount(ids, minlength=count)
    return Loss(
        ncp=sum(by_column.values()) / len(by_column),
        ncp_by_column=by_column,
        discernibility=int((sizes**2).sum()) + left_out * rows,
    )


def lost_as_written(column: Column) -> float:
    """Return the summed losses of a published column of numbers, computed only from its written values."""
    counts = np.bincount(column.codes, minlength=len(column.values))
    found = [(count, bounds_in(value)) for value, count in zip(column.values, counts.tolist(), strict=True) if count]
    ranges = [(count, *bounds) for count, bounds in found if bounds is not None]
    gone = sum(c for value, c in zip(column.values, counts.tolist(), strict=True) if value == ANYTHING)
    ends = [end for _, *bounds in ranges for end in bounds if np.isfinite(end)]
    if not ends or min(ends) == max(ends):
        return float(gone)
    lowest, extent = min(ends), max(ends) - min(ends)
    # An open end reaches as far as the column.
    covered = sum(count * (min(high, lowest + extent) - max(low, lowest)) for count, low, high in ranges)
    return gone + covered / extent
