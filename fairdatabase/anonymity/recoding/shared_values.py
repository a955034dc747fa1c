"""Shared values: makes a column coarser until at least k people have each of its values.

This is for columns that are published beside the classes: an exact laboratory value, or a disease that one person has,
would single out somebody whom others know to have it. Numbers become intervals that end on the grid of their line,
open at both ends of the column. Dates, places and codes lose their last parts. Other values of fewer than k people
become "*".
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.hierarchies.kinds import recoded, with_cells
from fairdatabase.anonymity.model.hierarchy import ANYTHING, Hierarchy
from fairdatabase.anonymity.model.number_line import ABOVE, BELOW, NumberLine, show_quantity
from fairdatabase.anonymity.model.people import NOBODY, People
from fairdatabase.anonymity.model.table import Codes, Column, narrow
from fairdatabase.anonymity.model.values import answers_among, is_missing, meaning

# Numbers stay exact if at least this share of the rows has a number that k people share, as answers on a scale do.
_NEARLY_ALL = 0.95
# A column is free text if at least this share of its rows has a value that is not shared, and values are this long.
_MOSTLY = 0.5
_LONG = 25
FREE_TEXT = "free text"


class Shared(NamedTuple):
    """A column in which at least k people have each value."""

    column: Column
    is_number: bool


def share_values(column: Column, title: str, people: People, k: int, *, fill: bool = True) -> Shared | str:
    """Return the column with shared values, or why it cannot be published.

    Spellings of one value are one value, written in its most common spelling. Without `fill`, fewer than k people may
    have "*".
    """
    column = with_cells(column, title)
    answers = answers_among(column.values)
    column = _with_one_spelling(column, answers)
    hierarchy = infer_hierarchy(column.values, title)
    if hierarchy.line is not None:
        coarse = _binned(column, hierarchy.line, people, k)
    elif hierarchy.steps:
        coarse = _shortened(column, hierarchy, people, k)
    else:
        coarse = column
        if _is_free_text(column, people, k):
            return FREE_TEXT
    found = hide_rare(coarse, people, k, fill=fill)
    if all(value == ANYTHING or not meaning(value, answers) for value in found.values):
        return f"fewer than {k} people share any value"
    return Shared(found, hierarchy.line is not None)


def hide_rare_categories(column: Column, title: str, people: People, k: int) -> Column:
    """Return a quasi-identifier without exact coordinates and without categories of fewer than k people.

    A class is described by the set of its categories, which would name them.
    """
    column = with_cells(column, title)
    hierarchy = infer_hierarchy(column.values, title)
    return column if hierarchy.kind != "categories" else hide_rare(column, people, k, fill=False)


def hidden_rows(was: Column, now: Column) -> int:
    """Return in how many rows "*" stands for a value."""
    answers = answers_among(was.values)
    given = np.array([value != ANYTHING and bool(meaning(value, answers)) for value in was.values], np.bool_)
    hidden = np.array([value == ANYTHING for value in now.values], np.bool_)
    return int((given[was.codes] & hidden[now.codes]).sum())


def hide_rare(column: Column, people: People, k: int, *, fill: bool = True) -> Column:
    """Return a column in which values of fewer than k people are "*".

    If fewer than k people have "*" then, it would still single them out. With `fill`, some people with the most common
    value get it too; if these are too few, so do all who have the rarest of the other values.
    """
    dice = np.random.default_rng()
    while True:
        counts = _count(column, people)
        star = column.values.index(ANYTHING) if ANYTHING in column.values else -1
        others = np.arange(len(counts)) != star
        gone = others & (counts < k)
        if not gone.any():
            lacking = k - int(counts[star]) if star >= 0 and fill else 0
            if lacking <= 0 or not others.any():
                return column
            largest = int(np.argmax(np.where(others, counts, 0)))
            if counts[largest] - lacking >= k:
                column = _hidden_at_random(column, largest, lacking, people, dice)
                continue
            gone[int(np.argmin(np.where(others, counts, np.iinfo(np.int64).max)))] = True
        column = recoded(column, [ANYTHING if out else value for value, out in zip(column.values, gone, strict=True)])


def _count(column: Column, people: People) -> NDArray[np.int64]:
    return people.count(column.codes.astype(np.int64), len(column.values))


def _hidden_at_random(column: Column, code: int, number: int, people: People, dice: "np.random.Generator") -> Column:
    """Return the column with "*" for some people who have a value."""
    has_it = column.codes == code
    if people.subjects is None:
        chosen = np.zeros(len(column.codes), np.bool_)
        chosen[dice.choice(np.flatnonzero(has_it), number, replace=False)] = True
    else:
        named = np.setdiff1d(people.subjects[has_it], [NOBODY])
        chosen = has_it & np.isin(people.subjects, dice.choice(named, number, replace=False))
    codes = column.codes.astype(np.int64)
    codes[chosen] = column.values.index(ANYTHING)
    return Column(column.values, narrow(codes, len(column.values)))


def _with_one_spelling(column: Column, answers: Collection[str]) -> Column:
    """Return a column in which each value has its most common spelling: a rare spelling may single somebody out."""
    counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
    common: dict[object, int] = {}
    meant: list[object] = []
    for code, value in enumerate(column.values):
        # A missing value is not the value of another one, but its own spelling.
        key = meaning(value, answers) or f"missing {value.strip()}"
        meant.append(key)
        if counts[code] > counts[common.setdefault(key, code)]:
            common[key] = code
    if len(common) == len(column.values):
        return column
    return recoded(column, [column.values[common[key]] for key in meant])


def _is_free_text(column: Column, people: People, k: int) -> bool:
    given = np.array([not is_missing(value) for value in column.values], np.bool_)
    unshared = given & (_count(column, people) < k)
    rows, of_unshared = given[column.codes].sum(), unshared[column.codes].sum()
    if not rows or of_unshared < _MOSTLY * rows:
        return False
    lengths = [len(value) for value, is_given in zip(column.values, given.tolist(), strict=True) if is_given]
    return float(np.median(lengths)) >= _LONG


def _binned(column: Column, line: NumberLine, people: People, k: int) -> Column:
    """Return a column of numbers in which nearly all values are shared: the rest are tails, or not numbers."""
    is_exact = np.array([number is not None and number.is_exact for number in line.numbers], np.bool_)
    if not is_exact.any():
        return column
    plain = recoded(
        column,
        [
            show_quantity(number) if number is not None and exact else value
            for value, number, exact in zip(column.values, line.numbers, is_exact, strict=True)
        ],
    )
    shared = (_count(plain, people) >= k)[plain.codes]
    exact_rows = is_exact[column.codes]
    if (shared & exact_rows).sum() >= _NEARLY_ALL * exact_rows.sum():
        return plain
    starts = _starts(line.low[column.codes[exact_rows]], people.take(np.flatnonzero(exact_rows)), k)
    ends = [BELOW, *starts[1:], ABOVE]
    labels = {low: line.label(low, high) for low, high in pairwise(ends)}
    texts: list[str] = []
    for value, number, low, high in zip(
        column.values, line.numbers, line.low.tolist(), line.high.tolist(), strict=True
    ):
        if number is None:
            texts.append(value)
            continue
        at = bisect_right(ends, low) - 1
        texts.append(labels[ends[at]] if high <= ends[at + 1] else ANYTHING)
    return recoded(column, texts)


def _starts(cells: NDArray[np.int64], people: People, k: int) -> list[int]:
    """Return the first cell of each interval: as few cells as have k people, from the lowest on."""
    # Rows of nobody add no person. Without subjects, each row is a person.
    every: Codes = np.arange(1, len(cells) + 1)
    subjects: list[int] = (every if people.subjects is None else people.subjects).tolist()
    found: list[int] = cells.tolist()
    ascending: list[tuple[int, int]] = sorted(zip(found, subjects, strict=True))
    last = ascending[0][0]
    starts = [last]
    inside: set[int] = set()
    for cell, subject in ascending:
        if cell != last and len(inside) >= k:
            starts.append(cell)
            inside = set()
        last = cell
        if subject != NOBODY:
            inside.add(subject)
    return starts if len(inside) >= k or len(starts) == 1 else starts[:-1]


def _shortened(column: Column, hierarchy: Hierarchy, people: People, k: int) -> Column:
    """Return a column whose rare values are taken up the hierarchy, level by level, until k people share them."""
    texts: Sequence[str] = column.values
    found = column
    for level in hierarchy.steps:
        coded = recoded(column, texts)
        few: list[int] = np.flatnonzero(_count(coded, people) < k).tolist()
        if not few:
            return coded
        rare = {coded.values[code] for code in few}
        nodes: list[int] = level.nodes.tolist()
        texts = [level.labels[nodes[code]] if text in rare else text for code, text in enumerate(texts)]
        found = recoded(column, texts)
    return found
