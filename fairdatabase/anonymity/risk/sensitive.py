"""Sensitive columns: equates values with the same meaning, splits lists, and defines distances between values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.number_line import bounds_in
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.model.values import answers_among, is_missing, meaning, rank_numbers, read_numbers

_SEPARATORS = re.compile(r"[;,|]")


@dataclass(frozen=True, slots=True)
class Lists:
    """The items of values that are lists: the items of value `i` are `items[starts[i]:starts[i + 1]]`."""

    starts: NDArray[np.int64]
    items: NDArray[np.int64]
    count: int

    def expand(self, values: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each item of each of these values, and the position of its value among them."""
        sizes = (self.starts[1:] - self.starts[:-1])[values]
        owners = np.repeat(np.arange(len(values)), sizes)
        offsets = np.arange(len(owners)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.items[self.starts[values][owners] + offsets], owners

    def take(self, values: NDArray[np.integer]) -> "Lists":
        """Return the lists of only these values, in this order."""
        items, owners = self.expand(values)
        sizes = np.bincount(owners, minlength=len(values))
        return Lists(np.concatenate([[0], np.cumsum(sizes)]), items, self.count)


@dataclass(frozen=True, slots=True)
class Sensitive:
    """One sensitive column: `codes` has one number per row, and values with the same meaning share a number.

    For numbers, `positions` contains the place of each value between the lowest (0) and the highest (1), ascending, and
    `missing` is the code of a missing number, or -1 if no number is missing. For categories, `positions` is None.
    `lists` has the items of each value, if some values of a column of categories are lists.
    """

    codes: Codes
    count: int
    positions: NDArray[np.float64] | None = None
    missing: int = -1
    lists: Lists | None = None

    def take(self, rows: NDArray[np.integer]) -> "Sensitive":
        """Return the column restricted to these rows, with ranks recomputed from the remaining values."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        if self.positions is None:
            return Sensitive(codes, len(used), lists=self.lists and self.lists.take(used))
        lacking = used == self.missing
        ranks = np.where(lacking, -1, np.cumsum(~lacking) - 1)
        return _ranked(codes, ranks, len(used) - int(lacking.sum()))

    def select(self, rows: NDArray[np.integer]) -> "Sensitive":
        """Return the column restricted to these rows, with the ranks of the whole column."""
        return Sensitive(self.codes[rows], self.count, self.positions, self.missing, self.lists)


def read_sensitive(column: Column, *, categorical: bool = False) -> Sensitive:
    """Read a sensitive column: values with the same meaning become one value.

    Numbers are ordered by rank: the i-th of m distinct numbers lies at i / (m - 1). Two spellings of a number are one
    value, and so are texts that differ only in case or spaces: otherwise a class with one value would seem diverse. All
    missing values are one value, which is joined to the middle of the numbers (see `risk.closeness`). Intervals such as
    "30-35", as `anonymize` writes them, are numbers too; then "*" is a missing value. Semicolons,
    commas and vertical bars separate the items of a list, whose order does not matter: "T2D;PDAC" is "pdac, t2d".
    """
    numbers = None if categorical else read_numbers(column.values)
    if numbers is not None:
        return _ranked(column.codes, *rank_numbers(column.values, numbers))
    if not categorical and (ranked := _rank_intervals(column.values)) is not None:
        return _ranked(column.codes, *ranked)
    present = answers_among(column.values)
    items: dict[Decimal | str, int] = {}
    seen: dict[tuple[int, ...], int] = {}
    meant: list[int] = []
    for value in column.values:
        parts = {meaning(part, present) for part in _SEPARATORS.split(value)}
        # A missing value is an item only if there is no other.
        numbers_of_items = {items.setdefault(part, len(items)) for part in parts - {""} or {""}}
        meant.append(seen.setdefault(tuple(sorted(numbers_of_items)), len(seen)))
    codes = np.array(meant, np.int32)[column.codes]
    if all(len(value) == 1 for value in seen):
        return Sensitive(codes, len(seen))
    starts = np.cumsum([0, *map(len, seen)])
    return Sensitive(codes, len(seen), lists=Lists(starts, np.array([item for v in seen for item in v]), len(items)))


def _rank_intervals(values: Sequence[str]) -> tuple[NDArray[np.int32], int] | None:
    """Return the rank of each interval or number (-1 where missing), and how many there are; None for other values."""
    bounds = [bounds_in(value) for value in values]
    if not any(one is not None and one[0] < one[1] for one in bounds):
        return None
    if not all(
        one[0] <= one[1] if one is not None else value == ANYTHING or is_missing(value)
        for value, one in zip(values, bounds, strict=True)
    ):
        return None
    order = {one: rank for rank, one in enumerate(sorted({one for one in bounds if one is not None}))}
    return np.array([-1 if one is None else order[one] for one in bounds], np.int32), len(order)


def _ranked(codes: Codes, ranks: NDArray[np.integer], count: int) -> Sensitive:
    """Return a column of numbers from the rank of each value among `count` numbers, -1 where missing."""
    if count < 2:
        # A single number has no distance from other numbers, so it and the missing values are two categories.
        return Sensitive((ranks - ranks.min())[codes], count - int(ranks.min()))
    positions = np.arange(count) / (count - 1)
    if ranks.min() >= 0:
        return Sensitive(ranks[codes], count, positions)
    middle = int(np.searchsorted(positions, 0.5))
    shifted = np.where(ranks < 0, middle, ranks + (ranks >= middle))
    return Sensitive(shifted[codes], count + 1, np.insert(positions, middle, 0.5), middle)


def read_all(columns: Mapping[str, Column], categorical: frozenset[str] = frozenset()) -> dict[str, Sensitive]:
    """Read several sensitive columns. The values of those in `categorical` are codes even if they look like numbers."""
    return {title: read_sensitive(column, categorical=title in categorical) for title, column in columns.items()}
