"""Mondrian: local recoding by cuts from the top down, a whole level of groups at once.

Three ways to choose a cut. "median" is the strict Mondrian (LeFevre, DeWitt and Ramakrishnan 2006): the widest column,
at its median. "strict" takes of all cuts between two values the one after which least is lost; "relaxed" of all cuts
whatsoever, so that rows of one value may go to both sides.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymity.classes import Ids
from anonymity.domains import Domain
from anonymity.limits import Content, Limits, distant
from anonymity.sweep import Groups, Losses, Positions, group_losses, groups_of, permitted, side_losses, widest

Strategy = Literal["median", "strict", "relaxed"]
# Between cuts that lose the same, the more even one: else groups would be pared slice by slice.
_EVENNESS = 1e-9


def partition(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    advance: Callable[[int], None] | None = None,
) -> tuple[Ids, int]:
    """Return the class of each row, and how many there are; all rows together have to satisfy the limits.

    `advance` is told how many more rows have found their class.
    """
    ids = np.empty(len(content), np.int64)
    classes = 0
    orders = [_order(domains, i) for i in range(len(domains))]
    groups = groups_of(np.array([len(content)]))
    references = content.references()
    while len(groups.sizes):
        cut = _cut(domains, content, limits, strategy, orders, groups, references)
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
            # numpy sorts what has 16 bits in linear time.
            kind = np.uint16 if len(sizes) <= 1 << 16 else np.int64
            orders[i] = rows[np.argsort(side.astype(kind), kind="stable")]
        groups = groups_of(np.zeros(0, np.int64) if sizes is None else sizes)
    return ids, classes


class _Cut:
    """The cut of each group: in which column's order, behind which position. A column of -1 leaves the group whole."""

    def __init__(self, count: int) -> None:
        self.column = np.full(count, -1, np.int64)
        self.position = np.zeros(count, np.int64)


def _order(domains: Sequence[Domain], first: int) -> Positions:
    """Return the rows by one column, and by the others where that one says nothing."""
    others = [domain.ranks for i, domain in enumerate(domains) if i != first]
    return np.lexsort((*others[::-1], domains[first].ranks)).astype(np.int32)


def _cut(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    orders: Sequence[Positions],
    groups: Groups,
    references: Sequence[NDArray[np.float64]],
) -> _Cut:
    """Return for each group the best cut that the limits permit."""
    widths = group_losses(domains, orders[0], groups)
    chosen = _Cut(len(groups.sizes))
    whole = sum(widths)
    candidates = [
        (i, position, np.where(whole > 0, cost, np.inf))
        for i in widest(domains, orders[0], groups)
        for position, cost in _candidates(domains, content, limits, strategy, i, orders[i], groups, widths[i])
    ]
    costs = np.stack([cost for _, _, cost in candidates])
    ranking = np.argsort(costs, axis=0, kind="stable")
    every = np.arange(len(groups.sizes))
    open_ = np.isfinite(costs).any(axis=0)
    for turn in range(len(candidates)):
        best = ranking[turn]
        open_ &= np.isfinite(costs[best, every])
        if not open_.any():
            break
        column = np.array([i for i, _, _ in candidates])[best]
        position = np.stack([position for _, position, _ in candidates])[best, every]
        fits = open_ & _close_enough(content, limits, orders, groups, column, position, open_, references)
        chosen.column[fits] = column[fits]
        chosen.position[fits] = position[fits]
        open_ &= ~fits
    return chosen


def _candidates(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    column: int,
    order: Positions,
    groups: Groups,
    width: Losses,
) -> Iterator[tuple[Positions, Losses]]:
    """Yield positions of cuts in one column, one for each group, and what they lose (infinite: not permitted)."""
    left, right = permitted(content, limits, order, groups)
    possible = left & right
    ranks = domains[column].ranks[order]
    between = np.append(ranks[1:] != ranks[:-1], True)
    between[groups.ends] = True
    middle = _next(between, groups.starts + (groups.sizes - 1) // 2)
    if strategy == "median":
        yield middle, np.where(possible[middle] & (width > 0), -width, np.inf)
        return
    losses, losses_right = side_losses(domains, order, groups)
    cost = groups.left * losses
    cost += groups.right * losses_right
    cost += _EVENNESS * np.abs(groups.left - groups.right)
    cost[~(possible & between if strategy == "strict" else possible)] = np.inf
    best = _first_least(cost, groups)
    yield best, cost[best]
    if limits.t is not None:
        # The cut that loses least often sets apart those who differ most; an even one rather leaves both sides like the
        # table.
        even = middle if strategy == "strict" else groups.starts + (groups.sizes - 1) // 2
        yield even, cost[even]


def _next(mask: NDArray[np.bool_], positions: Positions) -> Positions:
    """Return the first position from each on where the mask holds."""
    found = np.flatnonzero(mask)
    return found[np.searchsorted(found, positions)]


def _first_least(cost: Losses, groups: Groups) -> Positions:
    least = np.minimum.reduceat(cost, groups.starts)
    return _next(cost == least[groups.owner], groups.starts)


def _close_enough(
    content: Content,
    limits: Limits,
    orders: Sequence[Positions],
    groups: Groups,
    column: Positions,
    position: Positions,
    asked: NDArray[np.bool_],
    references: Sequence[NDArray[np.float64]],
) -> NDArray[np.bool_]:
    """Return for the groups asked about whether both sides of the cut are as close to the table as they have to be."""
    if limits.t is None or not content.sensitive:
        return np.ones(len(groups.sizes), np.bool_)
    rows, sides = [], []
    number = np.cumsum(asked) - 1
    for i in np.unique(column[asked]).tolist():
        here = np.flatnonzero((asked & (column == i))[groups.owner])
        owner = groups.owner[here]
        rows.append(orders[i][here])
        sides.append(2 * number[owner] + (here > position[owner]))
    # Of `Content.take` the weights would be new ones: these are to stay those of the whole table.
    taken = np.concatenate(rows)
    people = type(content.people)(None, content.people.weights[taken])
    part = Content(people, [sensitive.part(taken) for sensitive in content.sensitive])
    far = distant(np.concatenate(sides), 2 * int(asked.sum()), part, limits, references)
    fits = np.zeros(len(groups.sizes), np.bool_)
    fits[asked] = ~(far[::2] | far[1::2])
    return fits
