"""Sensitive: the values of a sensitive column by what they mean, and how far they lie apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymity.table import Codes, Column
from anonymity.values import rank_numbers, read_numbers


@dataclass(frozen=True, slots=True)
class Sensitive:
    """One sensitive column: `codes` number the values by meaning.

    Of numbers, `positions` holds where each value lies between the lowest (0) and the highest (1), in ascending order;
    `missing` is the code that stands for no number, -1 if there is none. Of categories `positions` is None.
    """

    codes: Codes
    count: int
    positions: NDArray[np.float64] | None = None
    missing: int = -1

    def take(self, rows: NDArray[np.integer]) -> "Sensitive":
        """Return the column with these rows only; values that none of them has still count as ranks."""
        return Sensitive(self.codes[rows], self.count, self.positions, self.missing)


def read_sensitive(column: Column, *, categorical: bool = False) -> Sensitive:
    """Return a column by meaning.

    Numbers are ordered by rank: the i-th of m distinct ones lies at i / (m - 1). Numbers written in two ways are one
    value, and so are texts that differ in case or outer space alone: else a class that tells one thing would seem
    diverse. A missing value is a value of its own, and lies beside the middle of the numbers (see anonymity.closeness).
    """
    numbers = None if categorical else read_numbers(column.values)
    if numbers is not None:
        ranks, count = rank_numbers(column.values, numbers)
        if count > 1:
            return _ordered(column, ranks, count)
        # One number and what is missing are two categories.
        return Sensitive((ranks - ranks.min())[column.codes], count - int(ranks.min()))
    seen: dict[str, int] = {}
    meaning = [seen.setdefault(value.strip().casefold(), len(seen)) for value in column.values]
    return Sensitive(np.array(meaning, np.int32)[column.codes], len(seen))


def _ordered(column: Column, ranks: NDArray[np.int32], count: int) -> Sensitive:
    positions = np.arange(count) / (count - 1)
    if ranks.min() >= 0:
        return Sensitive(ranks[column.codes], count, positions)
    middle = int(np.searchsorted(positions, 0.5))
    shifted = np.where(ranks < 0, middle, ranks + (ranks >= middle)).astype(np.int32)
    return Sensitive(shifted[column.codes], count + 1, np.insert(positions, middle, 0.5), middle)


def read_all(columns: Mapping[str, Column], categorical: frozenset[str] = frozenset()) -> dict[str, Sensitive]:
    """Return several columns by meaning; those in `categorical` hold codes even if they look like numbers."""
    return {title: read_sensitive(column, categorical=title in categorical) for title, column in columns.items()}
