"""Interprets the texts of a column as numbers, categories or missing values."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fairdatabase.policy.tables.missing import missing_terms

# A leading zero makes a code ("01234"), not a number. Two digits of exponent suffice for any measurement.
NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,2})?|[+-]?\.\d+", re.ASCII)
# Different numbers of at most this many characters are different floats.
_EXACT = 15


def is_missing(text: str) -> bool:
    """Return whether a text stands for a missing value, by the policy's definition."""
    return missing_terms().in_table(text)


def answers_among(values: Sequence[str]) -> set[str]:
    """Return the texts that look missing but are values in a column of categories.

    "none" is an answer. "-" is one if the column also has "+", as test results do.
    """
    return {"none", "-"} if any(value.strip() == "+" for value in values) else {"none"}


def meaning(text: str, present: Collection[str] = (), *, exponents: bool = True) -> Decimal | str:
    """Return what a text means: a number, "" for a missing value, else the text in a normal form.

    The normal form ignores case, all spaces, invisible characters, encoding (NFKC) and number notation. `present` lists
    texts that look missing but are values here: "none" is an answer among diseases. Without `exponents`, "1E1" is a
    text: as a name it is not 10.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(char for char in folded if unicodedata.category(char) != "Cf").split()
    plain, spaced = "".join(words), " ".join(words)
    if NUMBER.fullmatch(plain) and (exponents or "e" not in plain):
        # Not `Decimal.normalize`, which would round the number.
        return Decimal(plain)
    return "" if is_missing(spaced) and spaced not in present else plain


def read_numbers(values: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the values as numbers, NaN where missing; None if one is not a finite number, or all are missing."""
    stripped = [value.strip() for value in values]
    present = [NUMBER.fullmatch(value) is not None for value in stripped]
    if not any(present) or not all(ok or is_missing(value) for ok, value in zip(present, stripped, strict=True)):
        return None
    found = np.array([float(v) if ok else np.nan for v, ok in zip(stripped, present, strict=True)], dtype=np.float64)
    return None if np.isinf(found).any() else found


def rank_numbers(values: Sequence[str], numbers: NDArray[np.float64]) -> tuple[NDArray[np.int32], int]:
    """Return the rank of each number (-1 where missing), and how many distinct numbers there are: "1.0" equals "1"."""
    ranks = np.full(len(values), -1, np.int32)
    present = np.flatnonzero(~np.isnan(numbers))
    found, ranks[present] = np.unique(numbers[present], return_inverse=True)
    # If no two numbers were rounded to the same float, the floats have the order of the numbers.
    if len(found) == len(present) or max(len(values[i]) for i in present.tolist()) <= _EXACT:
        return ranks, len(found)
    exact = {i: Decimal(values[i].strip()) for i in present.tolist()}
    order = {number: rank for rank, number in enumerate(sorted(set(exact.values())))}
    for i, number in exact.items():
        ranks[i] = order[number]
    return ranks, len(order)
