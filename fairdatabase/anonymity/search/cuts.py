"""Cuts: chooses where to cut each group of rows in two, by one of several strategies.

"median" is the strict Mondrian (LeFevre, DeWitt and Ramakrishnan 2006): it cuts the widest column at its median. The
width is measured by loss, ranks or values, and rows with the median value go to the left or to the right. "strict"
takes the cut between two values that loses least. "relaxed" may also cut between rows with the same value, so that such
rows go to both sides. No strategy is always best.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
from fairdatabase.anonymity.model.classes import Ids
from fairdatabase.anonymity.risk.limits import Content, Limits, distant
from fairdatabase.anonymity.search.sweep import (
    Groups,
    Losses,
    Positions,
    group_losses,
    group_widths,
    permitted,
    side_losses,
    widest,
)

# Among cuts that lose the same, prefer the most even one: otherwise each cut might split off only a few rows.
_EVENNESS = 1e-9


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to choose cuts. `by` and `left` apply to median cuts only."""

    cut: Literal["median", "strict", "relaxed"]
    by: Literal["loss", "ranks", "values"] = "loss"
    left: bool = True


MEDIANS = tuple(Strategy("median", by, left) for by in ("loss", "ranks", "values") for left in (True, False))
STRATEGIES = (*MEDIANS, Strategy("strict"), Strategy("relaxed"))


class Cut:
    """The cut of each group: the column whose order is used, and the position after which to cut. Column -1: no cut."""

    def __init__(self, count: int) -> None:
        self.column = np.full(count, -1, np.int64)
        self.position = np.zeros(count, np.int64)


def best_cuts(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    orders: Sequence[Positions],
    groups: Groups,
    references: Sequence[NDArray[np.float64]],
) -> Cut:
    """Return the best cut of each group that the limits permit."""
    whole = sum(group_losses(domains, orders[0], groups))
    widths = group_widths(domains, orders[0], groups, strategy.by) if strategy.cut == "median" else None
    chosen = Cut(len(groups.sizes))
    candidates = [
        (i, position, np.where(whole > 0, cost, np.inf))
        for i in widest(domains, orders[0], groups)
        for position, cost in (
            _median(domains[i], content, limits, strategy, orders[i], groups, widths[i])
            if widths is not None
            else _least(domains, content, limits, strategy, i, orders[i], groups)
        )
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


def _median(
    domain: Domain,
    content: Content,
    limits: Limits,
    strategy: Strategy,
    order: Positions,
    groups: Groups,
    width: NDArray[np.floating],
) -> Iterator[tuple[Positions, Losses]]:
    """Yield the median cut of each group, with a cost that puts the widest column first."""
    left, right = permitted(content, limits, order, groups)
    ends_of_values = np.flatnonzero(_value_ends(domain, order, groups))
    if strategy.left:
        position = ends_of_values[np.searchsorted(ends_of_values, groups.starts + (groups.sizes - 1) // 2)]
        possible = width > 0
    else:
        # The last value before the median, if there is one.
        before = np.searchsorted(ends_of_values, groups.starts + groups.sizes // 2) - 1
        position = np.maximum(ends_of_values[before], groups.starts)
        possible = (width > 0) & (before >= 0) & (ends_of_values[before] >= groups.starts)
    yield position, np.where(possible & left[position] & right[position], -width, np.inf)


def _least(
    domains: Sequence[Domain],
    content: Content,
    limits: Limits,
    strategy: Strategy,
    column: int,
    order: Positions,
    groups: Groups,
) -> Iterator[tuple[Positions, Losses]]:
    """Yield cuts of each group in one column, with the loss after the cut; infinite if it is not permitted."""
    left, right = permitted(content, limits, order, groups)
    possible = left & right
    middle = groups.starts + (groups.sizes - 1) // 2
    if strategy.cut == "strict":
        ends_of_values = _value_ends(domains[column], order, groups)
        possible &= ends_of_values
        middle = _next(ends_of_values, middle)
    losses, losses_right = side_losses(domains, order, groups)
    cost = groups.left * losses
    cost += groups.right * losses_right
    cost += _EVENNESS * np.abs(groups.left - groups.right)
    cost[~possible] = np.inf
    best = _first_least(cost, groups)
    yield best, cost[best]
    if limits.t is not None:
        # The cut with the least loss often separates extreme values, which makes one side too different from the table.
        # An even cut leaves both sides closer to the table, so the limit on t may permit it.
        yield middle, cost[middle]


def _value_ends(domain: Domain, order: Positions, groups: Groups) -> NDArray[np.bool_]:
    """Return the positions at which the rows with one value end. The end of a group always counts."""
    ranks = domain.ranks[order]
    ends = np.append(ranks[1:] != ranks[:-1], True)
    ends[groups.ends] = True
    return ends


def _next(mask: NDArray[np.bool_], positions: Positions) -> Positions:
    """Return, for each position, the first position at or after it where the mask is true."""
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
    wanted: NDArray[np.bool_],
    references: Sequence[NDArray[np.float64]],
) -> NDArray[np.bool_]:
    """Return whether both sides of the cut are close enough to the table, for the groups in `wanted`."""
    if limits.t is None or not content.sensitive:
        return np.ones(len(groups.sizes), np.bool_)
    rows: list[Positions] = []
    sides: list[Ids] = []
    number = np.cumsum(wanted) - 1
    cut_columns: list[int] = np.unique(column[wanted]).tolist()
    for i in cut_columns:
        here = np.flatnonzero((wanted & (column == i))[groups.owner])
        owner = groups.owner[here]
        rows.append(orders[i][here])
        sides.append(2 * number[owner] + (here > position[owner]))
    # Not `Content.take`, which would recompute the weights: the weights of the whole table must be kept.
    taken = np.concatenate(rows)
    people = type(content.people)(None, content.people.weights[taken])
    selected = Content(people, [sensitive.select(taken) for sensitive in content.sensitive])
    far = distant(np.concatenate(sides), 2 * int(wanted.sum()), selected, limits, references)
    fits = np.zeros(len(groups.sizes), np.bool_)
    fits[wanted] = ~(far[::2] | far[1::2])
    return fits
