"""Cuts: where each of many groups of rows is best cut in two, by the way that is asked for.

The median ways are the strict Mondrian (LeFevre, DeWitt and Ramakrishnan 2006): the widest column at its median; how
wide one is can be told by its loss, its ranks or its values, and the median itself goes to the left or to the right.
"strict" takes of all cuts between two values the one after which least is lost; "relaxed" of all cuts whatsoever, so
that rows of one value may go to both sides. None is always best.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.domains import Domain
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

# Between cuts that lose the same, the more even one: else groups would be pared slice by slice.
_EVENNESS = 1e-9


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to choose cuts; `by` and `left` are about the median ones."""

    cut: Literal["median", "strict", "relaxed"]
    by: Literal["loss", "ranks", "values"] = "loss"
    left: bool = True


MEDIANS = tuple(Strategy("median", by, left) for by in ("loss", "ranks", "values") for left in (True, False))
STRATEGIES = (*MEDIANS, Strategy("strict"), Strategy("relaxed"))


class Cut:
    """The cut of each group: in which column's order, behind which position. A column of -1 leaves the group whole."""

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
    """Return for each group the best cut that the limits permit."""
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
    width: Losses,
) -> Iterator[tuple[Positions, Losses]]:
    """Yield the cut of each group at the median, and a cost by which the widest column is first."""
    left, right = permitted(content, limits, order, groups)
    ends_of_values = np.flatnonzero(_value_ends(domain, order, groups))
    if strategy.left:
        position = ends_of_values[np.searchsorted(ends_of_values, groups.starts + (groups.sizes - 1) // 2)]
        possible = width > 0
    else:
        # The last value before that of the median, if there is one.
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
    """Yield cuts of each group in one column, and what is lost after them; infinite: not permitted."""
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
        # The cut that loses least often sets apart those who differ most; an even one rather leaves both sides like the
        # table.
        yield middle, cost[middle]


def _value_ends(domain: Domain, order: Positions, groups: Groups) -> NDArray[np.bool_]:
    """Return at which positions the rows of one value end, those of a group included."""
    ranks = domain.ranks[order]
    ends = np.append(ranks[1:] != ranks[:-1], True)
    ends[groups.ends] = True
    return ends


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
