"""The lattice of full-domain generalisation: a node is one level per column. Finds the node that loses least.

As in Incognito and OLA (LeFevre et al. 2005; El Emam et al. 2009), most nodes need no visit. If a node has too
many rows in small classes, every node below it has at least as many. A node loses at least as much as its levels alone,
because a row that is left out loses everything. So the search skips nodes that the limits cannot permit, and nodes
that cannot lose less than the best node so far.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids, group
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.risk.limits import Content, Limits, distant, lacking

Levels = tuple[int, ...]
# In a larger lattice, the search only walks down from the top. It finds a good node, but not always the best.
_MOST_NODES = 200_000
# These limit the number of visits. A visit groups all rows again, column by column. The fixed cost of the numpy calls
# for a column is about that of _ROWS_PER_CALL rows.
_MOST_CELLS_VISITED = 100_000_000
_ROWS_PER_CALL = 3000


class Lattice:
    """The nodes of a table. Each is visited at most once."""

    def __init__(
        self, columns: Sequence[Column], hierarchies: Sequence[Hierarchy], content: Content, limits: Limits
    ) -> None:
        self._columns = columns
        self._hierarchies = hierarchies
        self._content = content
        self._limits = limits
        self.heights = [len(hierarchy.levels) for hierarchy in hierarchies]
        self._means = [
            np.array([float(level.losses[column.codes].mean()) for level in hierarchy.levels])
            for column, hierarchy in zip(columns, hierarchies, strict=True)
        ]
        self._rows = len(content)
        self._most_out = int(limits.max_suppression * self._rows + 1e-9)
        self._seen: dict[Levels, NDArray[np.int64] | None] = {}
        self.visits = 0
        self.too_small: set[Levels] = set()

    @property
    def exhausted(self) -> bool:
        """Whether the limit of visits is reached."""
        return self.visits >= max(40, _MOST_CELLS_VISITED // (len(self._columns) * (self._rows + _ROWS_PER_CALL)))

    def bound(self, nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a lower bound on the loss of each node: the loss of its levels alone."""
        total = np.zeros(len(nodes))
        for i, means in enumerate(self._means):
            total += means[nodes[:, i]]
        return total / len(self._means)

    def loss(self, levels: Levels) -> float:
        """Return the loss of a node, infinite if the limits do not permit the node."""
        kept = self.kept(levels)
        if kept is None:
            return np.inf
        cells = 0.0
        for column, hierarchy, level in zip(self._columns, self._hierarchies, levels, strict=True):
            cells += float(hierarchy.levels[level].losses[column.codes[kept]].sum()) + self._rows - len(kept)
        return cells / self._rows / len(levels)

    def kept(self, levels: Levels) -> NDArray[np.int64] | None:
        """Return the rows that a node publishes, None if the limits do not permit the node."""
        if levels not in self._seen:
            self.visits += 1
            self._seen[levels] = self._visit(levels)
        return self._seen[levels]

    def _visit(self, levels: Levels) -> NDArray[np.int64] | None:
        ids, count = group(
            [
                hierarchy.levels[level].nodes[column.codes]
                for column, hierarchy, level in zip(self._columns, self._hierarchies, levels, strict=True)
            ]
        )
        good = ~lacking(ids, count, self._content, self._limits)
        kept = np.flatnonzero(good[ids])
        if self._rows - len(kept) > self._most_out or not len(kept):
            self.too_small.add(levels)
            return None
        return self._drop_distant(ids, kept)

    def _drop_distant(self, ids: Ids, kept: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Leave out classes that are too far from the table until none is. The table changes each time."""
        while self._limits.t is not None and len(kept):
            part, (here, count) = self._content.take(kept), group([ids[kept]])
            far = distant(here, count, part, self._limits)
            if not far.any():
                break
            kept = kept[~far[here]]
        return kept if self._rows - len(kept) <= self._most_out and len(kept) else None


def search(
    lattice: Lattice, better_than: float = np.inf, advance: Callable[[int], None] | None = None
) -> Levels | None:
    """Return the node that loses least, None if none loses less than `better_than`."""
    best, found = better_than, None
    top = tuple(height - 1 for height in lattice.heights)
    if not np.isfinite(better_than):
        best, found = _descend(lattice, top)
    if math.prod(lattice.heights) > _MOST_NODES:
        return found
    nodes = np.array(list(product(*map(range, lattice.heights))), np.int64)
    bounds = lattice.bound(nodes)
    # From the top: the higher a forbidden node is, the more nodes it rules out.
    order = np.argsort(-nodes.sum(axis=1), kind="stable")
    nodes, bounds = nodes[order], bounds[order]
    open_ = bounds < best - 1e-12
    while open_.any() and not lattice.exhausted:
        at = int(np.argmax(open_))
        levels = tuple(nodes[at].tolist())
        open_[at] = False
        loss = lattice.loss(levels)
        if loss < best - 1e-12:
            best, found = loss, levels
            open_ &= bounds < best - 1e-12
        elif levels in lattice.too_small:
            open_ &= (nodes > nodes[at]).any(axis=1)
        if advance:
            advance(lattice.visits)
    return found


def _descend(lattice: Lattice, top: Levels) -> tuple[float, Levels | None]:
    """Walk down from the top, each time to the permitted child that loses least."""
    levels, loss = top, lattice.loss(top)
    if not np.isfinite(loss):
        return np.inf, None
    while not lattice.exhausted:
        below = [(*levels[:i], level - 1, *levels[i + 1 :]) for i, level in enumerate(levels) if level]
        losses = [lattice.loss(child) for child in below]
        if not losses or min(losses) >= loss:
            break
        loss = min(losses)
        levels = below[losses.index(loss)]
    return loss, levels
