"""Extents: what groups of rows cover in each column, and what it costs to add rows to them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain

Rows = NDArray[np.integer]
Costs = NDArray[np.float32]


class Extents:
    """The lowest and the highest rank of each group in each column, and its set of ranks where sets describe groups."""

    def __init__(self, domains: Sequence[Domain], count: int) -> None:
        self.domains = domains
        self._low = [np.zeros(count, np.int32) for _ in domains]
        self._high = [np.zeros(count, np.int32) for _ in domains]
        self._members = [np.zeros((count, d.size) if d.as_set else (0, 0), np.bool_) for d in domains]
        self._present = [np.zeros(count, np.int32) for _ in domains]

    def start(self, groups: Rows, rows: Rows) -> None:
        """Make each group cover one row only."""
        for i, domain in enumerate(self.domains):
            ranks = domain.ranks[rows].astype(np.int32)
            self._low[i][groups] = self._high[i][groups] = ranks
            if domain.as_set:
                self._members[i][groups] = False
                self._members[i][groups, ranks] = True
                self._present[i][groups] = 1

    def add(self, groups: Rows, rows: Rows) -> None:
        """Make each group cover one more row. No group may be named twice."""
        for i, domain in enumerate(self.domains):
            ranks = domain.ranks[rows].astype(np.int32)
            self._low[i][groups] = np.minimum(self._low[i][groups], ranks)
            self._high[i][groups] = np.maximum(self._high[i][groups], ranks)
            if domain.as_set:
                self._present[i][groups] += ~self._members[i][groups, ranks]
                self._members[i][groups, ranks] = True

    def losses(self) -> NDArray[np.float64]:
        """Return the loss of a row of each group, summed over the columns."""
        return np.sum(
            [
                domain.exact_loss(low, high, present)
                for domain, low, high, present in zip(self.domains, self._low, self._high, self._present, strict=True)
            ],
            axis=0,
        )

    def losses_merged_with(self, group: int) -> NDArray[np.float64]:
        """Return the loss of a row of each group after it is merged with one of them, summed over the columns."""
        total = np.zeros(len(self._low[0]))
        for i, domain in enumerate(self.domains):
            low = np.minimum(self._low[i], self._low[i][group])
            high = np.maximum(self._high[i], self._high[i][group])
            members = self._members[i]
            present = (members | members[group]).sum(axis=1) if domain.as_set else low
            total += domain.exact_loss(low, high, present)
        return total

    def order(self, columns: Sequence[int]) -> NDArray[np.int64]:
        """Return the groups sorted by their lowest ranks in these columns, the first column first."""
        return np.lexsort([self._low[i] for i in reversed(columns)])

    def costs(self, column: int, groups: Rows, ranks: Rows) -> Costs:
        """Return the loss of groups in a column after each gets one more of these ranks. The arrays are broadcast."""
        domain = self.domains[column]
        ranks = ranks.astype(np.int32, copy=False)
        low = np.minimum(self._low[column][groups], ranks)
        high = np.maximum(self._high[column][groups], ranks)
        present = low
        if domain.as_set:
            present = self._present[column][groups] + ~self._members[column][groups, ranks]
        return domain.exact_loss(low, high, present).astype(np.float32)

    def table(self, column: int) -> Costs:
        """Return `costs` of every group (first axis) and every rank (second axis)."""
        every = np.arange(len(self._low[column]))[:, None]
        return self.costs(column, every, np.arange(self.domains[column].size, dtype=np.int32)[None, :])


def extents_of(domains: Sequence[Domain], ids: Rows, count: int) -> Extents:
    """Return the extents of classes, none of which is empty. Rows with a negative class do not count."""
    found = Extents(domains, count)
    rows = np.flatnonzero(ids >= 0)
    by_class = rows[np.argsort(ids[rows], kind="stable")]
    sizes = np.bincount(ids[rows], minlength=count)
    starts = np.cumsum(sizes) - sizes
    found.start(np.arange(count), by_class[starts])
    # The n-th row of each class at a time, because a group may be named only once.
    for n in range(1, int(sizes.max())):
        larger = np.flatnonzero(sizes > n)
        found.add(larger, by_class[starts[larger] + n])
    return found
