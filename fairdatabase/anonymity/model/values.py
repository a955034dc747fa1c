"""Values: what the texts of a column stand for: numbers, dates, or categories, and which of them are missing."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.policy.tables.missing import missing_terms

# A leading zero makes a code ("01234"), not a number. Two figures of an exponent are enough for any measurement.
NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,2})?|[+-]?\.\d+", re.ASCII)
# Up to so many characters two different numbers are two different floats.
_EXACT = 15


def is_missing(text: str) -> bool:
    """Return whether a text says that there is no value, by the policy's definition."""
    return missing_terms().in_table(text)


def meaning(text: str, told: Collection[str] = (), *, exponents: bool = True) -> Decimal | str:
    """Return what a text stands for: a number, "" where missing, else the text without what seldom tells two apart.

    That is case, all space, characters that are not seen, how a character is encoded (NFKC), and the way to write a
    number. `told` are texts that say something here though they look missing: "none" is an answer among diseases.
    Without `exponents`, "1E1" is a text: among names it is no 10.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(mark for mark in folded if unicodedata.category(mark) != "Cf").split()
    plain, spaced = "".join(words), " ".join(words)
    if NUMBER.fullmatch(plain) and (exponents or "e" not in plain):
        # Not made shorter: that would round it.
        return Decimal(plain)
    return "" if is_missing(spaced) and spaced not in told else plain


def read_numbers(values: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the values as numbers, NaN where missing; None when one is no number, or too large a one, or none is."""
    stripped = [value.strip() for value in values]
    present = [NUMBER.fullmatch(value) is not None for value in stripped]
    if not any(present) or not all(ok or is_missing(value) for ok, value in zip(present, stripped, strict=True)):
        return None
    found = np.array([float(v) if ok else np.nan for v, ok in zip(stripped, present, strict=True)], dtype=np.float64)
    return None if np.isinf(found).any() else found


def rank_numbers(values: Sequence[str], numbers: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """Return the rank of each number, -1 where missing, and how many distinct ones there are: "1.0" is 1."""
    ranks = np.full(len(values), -1, np.int32)
    present = np.flatnonzero(~np.isnan(numbers))
    found, ranks[present] = np.unique(numbers[present], return_inverse=True)
    # As long as no two texts became one float, the order of floats is that of the numbers.
    if len(found) == len(present) or max(len(values[i]) for i in present.tolist()) <= _EXACT:
        return ranks, len(found)
    exact = {i: Decimal(values[i].strip()) for i in present.tolist()}
    order = {number: rank for rank, number in enumerate(sorted(set(exact.values())))}
    for i, number in exact.items():
        ranks[i] = order[number]
    return ranks, len(order)
