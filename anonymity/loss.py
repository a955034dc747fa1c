"""Loss: how much a table tells less after generalisation.

NCP, the normalised certainty penalty (Xu et al. 2006): of a cell, 0 when it stands as it was and 1 when nothing is left
of it. An interval of numbers costs the part of the column's range that it covers; a node of a tree, or a set of
categories, the part of the column's values that it covers, and nothing when it is one value. Of a table it is the mean
over all cells of the quasi-identifiers, a row that is left out counting 1 in each.

Discernibility (Bayardo and Agrawal 2005): every row costs the size of its class, and one that is left out the size of
the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anonymity.classes import Ids


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
