"""The people of a table: the person of each row, and the minimum number of people in a class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import Ids, count_distinct, pair
from fairdatabase.anonymity.model.table import Codes, Column
from fairdatabase.anonymity.model.values import is_missing
from fairdatabase.policy.text.occasions import donor_in

# The subject number that all unnamed people share.
NOBODY = 0
# A person is seldom sampled more often than this.
_MOST_OCCASIONS = 10


@dataclass(frozen=True, slots=True)
class People:
    """The person of each row, as a number in `subjects`. If that is None, each row belongs to a different person.

    `weights`: in distributions each person weighs 1, shared evenly among their rows. All unnamed rows weigh 1 together.
    """

    subjects: Codes | None
    weights: NDArray[np.float64]

    def count(self, ids: Ids, count: int) -> Ids:
        """Return the minimum number of people in each of `count` non-empty classes.

        An unnamed row adds nobody, because it may belong to a named person. A class with
        only unnamed rows counts as one person.
        """
        if self.subjects is None:
            return np.bincount(ids, minlength=count)
        if not (self.subjects == NOBODY).any():
            return count_distinct(ids, count, self.subjects)
        classes, subjects = pair(ids, self.subjects)
        return np.maximum(np.bincount(classes[subjects != NOBODY], minlength=count), 1)

    def smallest(self, ids: Ids, count: int) -> Ids:
        """Return the number of people in the smallest class of each named person."""
        sizes = self.count(ids, count)[ids]
        if self.subjects is None:
            return sizes
        found = np.full(int(self.subjects.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(found, self.subjects, sizes)
        found[NOBODY] = np.iinfo(np.int64).max
        return found[found < np.iinfo(np.int64).max]

    def take(self, rows: NDArray[np.integer]) -> "People":
        """Return the people of only these rows."""
        return _weighted(None if self.subjects is None else self.subjects[rows], len(rows))


def people_of(subjects: Column | None, rows: int) -> People:
    """Return the people of a table, from its subject column if it has one.

    Spellings of one subject, and its occasions ("P77 visit 2"), name one person, as where the platform counts donors,
    unless the short codes tell people apart ("S01-D05"). A missing value names nobody.
    """
    if subjects is None:
        return _weighted(None, rows)
    seen = {"": NOBODY}
    names = ["" if is_missing(value) else donor_in(value) for value in subjects.values]
    whole = [
        name and donor_in(value, has_short_codes=False) for name, value in zip(names, subjects.values, strict=True)
    ]
    if _are_of_people(names, whole):
        names = whole
    meant = [seen.setdefault(name, len(seen)) for name in names]
    return _weighted(np.array(meant, np.int32)[subjects.codes], rows)


def _are_of_people(names: list[str], whole: list[str]) -> bool:
    """Return whether the short codes at the ends of subjects tell people apart, as in "S01-D05", and not occasions.

    `whole` are the names with these codes. Then every name has one, and there are few names for all the codes.
    """
    pairs = {(name, full) for name, full in zip(names, whole, strict=True) if name}
    return all(name != full for name, full in pairs) and len(pairs) > _MOST_OCCASIONS * len({name for name, _ in pairs})


def _weighted(subjects: Codes | None, rows: int) -> People:
    # A broadcast array needs the memory of a single weight only.
    return People(
        subjects, np.broadcast_to(np.float64(1), rows) if subjects is None else 1 / np.bincount(subjects)[subjects]
    )


def notes_on(subjects: Column, title: str) -> list[str]:
    """Return what k does not show about the subject column: unnamed rows, and spellings that count as one person."""
    people = people_of(subjects, len(subjects.codes)).subjects
    assert people is not None  # noqa: S101 - there is a subject column
    found: list[str] = []
    nameless = int((people == NOBODY).sum())
    if nameless:
        rows = "1 row names nobody" if nameless == 1 else f"{nameless} rows name nobody"
        found.append(f"{rows} in {title!r}: k counts only named people, because such a row may belong to one of them.")
    named = sum(not is_missing(value) for value in subjects.values)
    number = len(np.unique(people[people != NOBODY]))
    if number < named:
        people_named = "one person" if number == 1 else f"{number} people"
        ignored = "case, separators, encoding, leading zeros of numbers, and occasions (visit 2) are ignored"
        found.append(f"{named} spellings in {title!r} count as {people_named}: {ignored}.")
    return found
