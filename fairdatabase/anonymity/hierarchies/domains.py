"""Domains: order the values of a column so that the lowest and the highest value describe a group of rows.

This works for numbers, and for the leaves of a tree: the lowest common ancestor of a group is also the lowest common
ancestor of its first and last leaf. A group of categories without a tree is described by the set of its categories.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.bands import between, show
from fairdatabase.anonymity.hierarchies.range_bounds import Grid, bounds_of
from fairdatabase.anonymity.model.hierarchy import ANYTHING, Hierarchy
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.model.values import rank_numbers, read_numbers

# A cell that lists more categories than this is not worth reading.
_LONGEST_SET = 8
# With at most this many values, the losses of all pairs are precomputed.
_PAIRS_KEPT = 128

Ranks = NDArray[np.integer]
Losses = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Domain:
    """A column of `size` distinct values in order.

    `ranks` contains the rank of each row's value. `loss` returns the loss of groups, given their lowest and highest
    ranks.
    """

    ranks: Ranks
    size: int
    order: list[str]
    as_set: bool
    loss: Callable[[Ranks, Ranks], Losses]
    _label: Callable[[int, int], str]
    # The first `apart` values cannot be combined with other values: a group that combines them becomes "*".
    apart: int = 0
    numbers: bool = False
    # Whether the bounds of a range are actual values of people in the range.
    exact_bounds: bool = False

    def exact_loss(self, low: Ranks, high: Ranks, present: NDArray[np.int64]) -> Losses:
        """Return the loss of groups. `present` is the number of different values in each."""
        if not self.as_set:
            return self.loss(low, high)
        whole = (present > _LONGEST_SET) | (low < self.apart) | (present == self.size)
        return np.where(present == 1, 0.0, np.where(whole, 1.0, present / self.size))

    def label(self, present: Sequence[int]) -> str:
        """Return the text that describes a group with these ranks, given in ascending order."""
        if len(present) == 1:
            return self.order[present[0]]
        if not self.as_set:
            return self._label(present[0], present[-1])
        if len(present) > _LONGEST_SET or present[0] < self.apart or len(present) == self.size:
            return ANYTHING
        return " or ".join(self.order[rank] for rank in present)


def domain_of(column: Column, hierarchy: Hierarchy, grid: Grid | None = None, span: Column | None = None) -> Domain:
    """Return the domain of a column: numbers as a line, a hierarchy as a tree, other categories as a set.

    With a grid, the bounds of ranges are rounded outwards (see `range_bounds`). The loss of a range is relative to the
    numbers of `span` if that column is numeric, else to the numbers of the column itself.
    """
    if hierarchy.kind == "numbers":
        return _numbers(column, grid, span or column)
    if hierarchy.steps:
        return _tree(column, hierarchy)
    return _set(column)


def _numbers(column: Column, grid: Grid | None, span: Column) -> Domain:
    numbers = read_numbers(column.values)
    assert numbers is not None
    by_number, _ = rank_numbers(column.values, numbers)
    apart = int((by_number < 0).sum())
    order = np.lexsort((np.array(column.values), by_number))
    # Compare ranks, not floats: two different numbers may round to the same float.
    number_at = by_number[order]
    spanned = read_numbers(span.values)
    spanned = numbers if spanned is None else spanned
    lowest, extent = np.nanmin(spanned), np.nanmax(spanned) - np.nanmin(spanned)
    signed = bool(np.nanmin(numbers) < 0)
    sorted_codes: list[int] = order.tolist()
    exact = [None if np.isnan(numbers[code]) else Decimal(column.values[code].strip()) for code in sorted_codes]
    bounds = bounds_of(exact, grid)
    low_end, high_end = (
        np.nan_to_num(np.clip((at - lowest) / extent, 0, 1)) if extent else np.zeros(len(order))
        for at in (bounds.low, bounds.high)
    )

    def loss(low: Ranks, high: Ranks) -> Losses:
        lost = high_end[high]
        lost -= low_end[low]
        lost[number_at[low] == number_at[high]] = 0.0
        if apart:
            lost[(low < apart) & (low != high)] = 1.0
        return lost

    def label(low: int, high: int) -> str:
        number = exact[low]
        if number is None:
            return ANYTHING
        if number_at[low] == number_at[high]:
            return show(number)
        return between(bounds.low_texts[low], bounds.high_texts[high], signed=signed)

    return _domain(column, order, loss, label, apart=apart, numbers=True, exact_bounds=grid is None)


def _tree(column: Column, hierarchy: Hierarchy) -> Domain:
    levels = hierarchy.levels
    order = np.lexsort((np.array(column.values), *(level.nodes for level in levels[1:])))
    nodes = [level.nodes[order] for level in levels]
    losses = [level.losses[order] for level in levels]

    def loss(low: Ranks, high: Ranks) -> Losses:
        found = np.ones(low.shape)
        for node, lost in zip(nodes[-2::-1], losses[-2::-1], strict=True):
            found = np.where(node[low] == node[high], lost[low], found)
        return found

    def label(low: int, high: int) -> str:
        common = (i for i, node in enumerate(nodes) if node[low] == node[high])
        level = next(common)
        return levels[level].labels[int(nodes[level][low])]

    return _domain(column, order, loss, label)


def _set(column: Column) -> Domain:
    order = np.array(
        sorted(range(len(column.values)), key=lambda code: (not is_blank(column.values[code]), column.values[code]))
    )
    apart = sum(map(is_blank, column.values))
    size = len(order)

    def loss(low: Ranks, high: Ranks) -> Losses:
        share = (high - low + 1) / size
        return np.where(low == high, 0.0, np.where(low < apart, 1.0, share))

    return _domain(column, order, loss, lambda low, high: ANYTHING, apart=apart, as_set=True)


def is_blank(value: str) -> bool:
    """Return whether a category is only spaces, which a set could not show."""
    return not value.strip()


def _domain(
    column: Column,
    order: NDArray[np.int64],
    loss: Callable[[Ranks, Ranks], Losses],
    label: Callable[[int, int], str],
    *,
    apart: int = 0,
    as_set: bool = False,
    numbers: bool = False,
    exact_bounds: bool = False,
) -> Domain:
    size = len(order)
    ranks = np.empty(size, np.min_scalar_type(max(size - 1, 0)))
    ranks[order] = np.arange(size)
    sorted_codes: list[int] = order.tolist()
    texts = [column.values[code] for code in sorted_codes]
    if size <= _PAIRS_KEPT:
        every = np.arange(size, dtype=np.int32)
        low, high = np.minimum.outer(every, every).ravel(), np.maximum.outer(every, every).ravel()
        pairs = loss(low, high)

        def look_up(low: Ranks, high: Ranks) -> Losses:
            return pairs[low * size + high]

        return Domain(ranks[column.codes], size, texts, as_set, look_up, label, apart, numbers, exact_bounds)
    return Domain(ranks[column.codes], size, texts, as_set, loss, label, apart, numbers, exact_bounds)
