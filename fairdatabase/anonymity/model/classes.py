"""Equivalence classes: rows that agree in all their quasi-identifiers (Sweeney 2002)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.table import Codes

Ids = NDArray[np.int64]
_LARGEST_KEY = 1 << 62


def group(columns: Sequence[Codes]) -> tuple[Ids, int]:
    """Return the class of each row, and the number of classes. Rows that agree in every column share a class.

    The codes of a row are the digits of one number, its key. The keys are renumbered before they can overflow, so the
    result is exact for any number of columns.
    """
    key: Ids = np.zeros(len(columns[0]), np.int64)
    size = 1
    for codes in columns:
        base = int(codes.max(initial=0)) + 1
        if size * base >= _LARGEST_KEY:
            key, size = _number(key, size)
        key = key * base + codes
        size *= base
    return _number(key, size)


def _number(key: Ids, size: int) -> tuple[Ids, int]:
    """Return the keys renumbered from 0 without gaps, and how many there are."""
    if size <= 2 * len(key) + 1024:
        seen = np.zeros(size, np.bool_)
        seen[key] = True
        numbers = np.cumsum(seen, dtype=np.int32) - 1
        return numbers[key].astype(np.int64), int(seen.sum())
    found, ids = np.unique(key, return_inverse=True)
    return ids.astype(np.int64, copy=False), len(found)


def count_distinct(ids: Ids, count: int, codes: Codes) -> Ids:
    """Return the number of different codes in each of `count` classes."""
    pairs, _ = pair(ids, codes)
    return np.bincount(pairs, minlength=count)


def pair(ids: Ids, codes: Codes) -> tuple[Ids, Ids]:
    """Return each different pair of class and code, sorted."""
    base = int(codes.max(initial=0)) + 1
    found = np.unique(ids * base + codes)
    return found // base, found % base
