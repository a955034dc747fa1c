"""Mondrian: local recoding by cuts from the top down, one whole level of groups at a time (LeFevre et al. 2006)."""

from collections.abc import Callable, Sequence

import numpy as np

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.table import Codes, narrow
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.search.cuts import Strategy, best_cuts
from fairdatabase.anonymity.search.sweep import Positions, groups_of

# The number of columns used to break ties. Ties that remain after these are rare.
_MOST_TIES = 8


def partition(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    orders: Sequence[Positions],
    advance: Callable[[int], None] | None = None,
) -> tuple[Codes, int]:
    """Return the class of each row, and the number of classes. The whole table as one class must meet the limits.

    `orders` is the result of `orders_of`, which is the same for every strategy. `advance` is called with the number of
    rows that have received their class since the last call.
    """
    ids = np.empty(len(content), np.int32)
    classes = 0
    orders = list(orders)
    groups = groups_of(np.array([len(content)]))
    references = content.references()
    while len(groups.sizes):
        cut = best_cuts(domains, content, limits, strategy, orders, groups, references)
        after = np.zeros(len(content), np.bool_)
        for i, order in enumerate(orders):
            here = cut.column[groups.owner] == i
            after[order[here]] = (np.arange(len(order)) > cut.position[groups.owner])[here]
        done = cut.column < 0
        finished = done[groups.owner]
        ids[orders[0][finished]] = classes + (np.cumsum(done) - 1)[groups.owner[finished]]
        classes += int(done.sum())
        if advance:
            advance(int(finished.sum()))
        number = np.cumsum(~done, dtype=np.int32) - 1
        child = 2 * number[groups.owner[~finished]]
        sizes = None
        for i, order in enumerate(orders):
            rows = order[~finished]
            side = child + after[rows]
            if sizes is None:
                sizes = np.bincount(side, minlength=2 * int((~done).sum()))
            # numpy sorts 16-bit integers in linear time.
            kind = np.uint16 if len(sizes) <= 1 << 16 else np.int64
            orders[i] = rows[np.argsort(side.astype(kind), kind="stable")]
        groups = groups_of(np.zeros(0, np.int64) if sizes is None else sizes)
    return ids, classes


def orders_of(domains: Sequence[Domain]) -> list[Positions]:
    """Return the rows sorted by each column; the other columns break ties."""
    return [_order(domains, i) for i in range(len(domains))]


def _order(domains: Sequence[Domain], first: int) -> Positions:
    others = [domain.ranks for i, domain in enumerate(domains) if i != first][:_MOST_TIES]
    return narrow(np.lexsort((*others[::-1], domains[first].ranks)), len(domains[first].ranks))
