"""Domains: order the values of a column so that the lowest and the highest value describe a group of rows.

This works for numbers, and for the leaves of a tree: the lowest common ancestor of a group is also the lowest common
ancestor of its first and last leaf. A group of categories without a tree is described by the set of its categories.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.kinds import is_exact
from fairdatabase.anonymity.model.hierarchy import ANYTHING, Hierarchy
from fairdatabase.anonymity.model.number_line import ABOVE, NumberLine, show_quantity
from fairdatabase.anonymity.model.table import Column

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
    # The first `stars` values (at most one) say nothing, so they lose everything.
    stars: int = 0

    def exact_loss(self, low: Ranks, high: Ranks, present: Ranks) -> Losses:
        """Return the loss of groups. `present` is the number of different values in each."""
        if not self.as_set:
            return self.loss(low, high)
        whole = (present > _LONGEST_SET) | (low < self.apart) | (present == self.size)
        return np.where((present == 1) & (low >= self.stars), 0.0, np.where(whole, 1.0, present / self.size))

    def label(self, present: Sequence[int]) -> str:
        """Return the text that describes a group with these ranks, given in ascending order."""
        if len(present) == 1:
            return self.order[present[0]]
        if not self.as_set:
            return self._label(present[0], present[-1])
        if len(present) > _LONGEST_SET or present[0] < self.apart or len(present) == self.size:
            return ANYTHING
        return " or ".join(self.order[rank] for rank in present)


def domain_of(column: Column, hierarchy: Hierarchy, span: Hierarchy | None = None) -> Domain:
    """Return the domain of a column: numbers as a line, a hierarchy as a tree, other categories as a set.

    The loss of a range is relative to the numbers of `span` if that is the hierarchy of numbers, else to the numbers of
    the column itself.
    """
    if hierarchy.line is not None:
        return _numbers(column, hierarchy.line, span.line if span is not None and span.line else hierarchy.line)
    if hierarchy.steps:
        return _tree(column, hierarchy)
    return _set(column)


def _numbers(column: Column, line: NumberLine, span: NumberLine) -> Domain:
    is_number = (line.is_number & ~_contain_another(line)).tolist()
    apart = sorted((code for code, fits in enumerate(is_number) if not fits), key=column.values.__getitem__)
    numbers = {code: number for code, (number, fits) in enumerate(zip(line.numbers, is_number, strict=True))
               if fits and number is not None}  # fmt: skip
    low_cells, high_cells = line.low.tolist(), line.high.tolist()
    ascending = sorted(numbers, key=lambda code: (low_cells[code], high_cells[code], *numbers[code]))
    order = np.array([*apart, *ascending])
    exact = [numbers.get(code) for code in order.tolist()]
    # Compare decimals, not floats: two different numbers may round to the same float.
    turns = [i == 0 or i <= len(apart) or number != exact[i - 1] for i, number in enumerate(exact)]
    number_at = np.cumsum(turns)
    low, high = line.low[order], line.high[order]
    low_end, high_end = (_place(cells, line, span) for cells in (low, high))

    def loss(low: Ranks, high: Ranks) -> Losses:
        lost = high_end[high]
        lost -= low_end[low]
        lost[number_at[low] == number_at[high]] = 0.0
        if apart:
            lost[(low < len(apart)) & (low != high)] = 1.0
        return lost

    def label(first: int, last: int) -> str:
        number = exact[first]
        if number is None:
            return ANYTHING
        if number_at[first] == number_at[last]:
            return show_quantity(number)
        return line.label(int(low[first]), int(high[last]))

    return _domain(column, order, loss, label, apart=len(apart), numbers=True)


def _contain_another(line: NumberLine) -> NDArray[np.bool_]:
    """Return which values are intervals that contain another value and reach further on both sides.

    Such values have no place in the order of the others, so they are treated like text.
    """
    ascending = np.sort(line.low[line.is_number])
    by_low = np.argsort(np.where(line.is_number, line.low, ABOVE), kind="stable")[: len(ascending)]
    # The lowest upper end of all values from each position on.
    lowest_end = np.append(np.minimum.accumulate(line.high[by_low][::-1])[::-1], ABOVE)
    return line.is_number & (lowest_end[np.searchsorted(ascending, line.low, side="right")] < line.high)


def _place(cells: NDArray[np.int64], line: NumberLine, span: NumberLine) -> Losses:
    """Return the places of these ends of cells between the ends of `span`, from 0 to 1."""
    lowest, width = span.lowest, span.highest - span.lowest
    # Whole numbers stay exact if the steps are equal.
    places = cells - lowest if line.step == span.step else cells * float(line.step / span.step) - lowest
    return np.clip(places / width, 0, 1)


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
    # A set never lists a blank, which nobody would see, a number, a date or a place, which may be one person's, or "*",
    # which stands for rare values.
    alone = [not value.strip() or value == ANYTHING or is_exact(value) for value in column.values]
    order = np.array(
        sorted(
            range(len(column.values)),
            key=lambda code: (column.values[code] != ANYTHING, not alone[code], column.values[code]),
        )
    )
    apart, stars = sum(alone), int(ANYTHING in column.values)
    size = len(order)

    def loss(low: Ranks, high: Ranks) -> Losses:
        share = (high - low + 1) / size
        return np.where((low == high) & (low >= stars), 0.0, np.where(low < apart, 1.0, share))

    return _domain(column, order, loss, lambda low, high: ANYTHING, apart=apart, as_set=True, stars=stars)


def _domain(
    column: Column,
    order: NDArray[np.int64],
    loss: Callable[[Ranks, Ranks], Losses],
    label: Callable[[int, int], str],
    *,
    apart: int = 0,
    as_set: bool = False,
    numbers: bool = False,
    stars: int = 0,
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

        return Domain(ranks[column.codes], size, texts, as_set, look_up, label, apart, numbers, stars)
    return Domain(ranks[column.codes], size, texts, as_set, loss, label, apart, numbers, stars)
