"""Kept: columns that are published as they were, and what they may still give away."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.model.classes import count_distinct, group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Anonymised

# From this part of the rows on, a column whose values are all different but for a few names rows.
_NEARLY_ALL = 0.9
# A column that tells the original of more than half of what was made vague tells it by more than chance.
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """A column that is published as it was, since it is no quasi-identifier.

    `k_with_it` is k for someone who knows its values as well. `undoes` are the generalised columns whose original value
    follows from it.
    """

    title: str
    values: int
    sensitive: bool
    names_rows: bool
    undoes: tuple[str, ...]
    k_with_it: int

    def warning(self, k: int) -> str | None:
        """Return what to consider, None where the column tells nobody apart."""
        if self.names_rows:
            why = f"{self.title!r} has a different value in nearly every row, so it identifies rows."
            return f"{why} Drop it, unless nobody can know these values."
        if self.undoes:
            columns = " and ".join(map(repr, self.undoes))
            return f"{self.title!r} reveals what was generalised in {columns}. Drop it, or name it with --quasi."
        if self.k_with_it < k and not self.sensitive:
            return f"{self.title!r} is published unchanged: k is {self.k_with_it} for somebody who knows its values."
        return None


def kept_columns(done: Anonymised, roles: Roles) -> list[Kept]:
    """Return what is known of each column that is kept as it was, in the order of the table."""
    return list(_kept(done, roles))


def _kept(done: Anonymised, roles: Roles) -> Iterator[Kept]:
    ids, _ = done.recoding.classes()
    subject = None if roles.subject is None else done.original[roles.subject]
    people = people_of(subject, done.table.rows)
    rows = done.table.rows
    for title, column in done.table.columns.items():
        if title in roles.quasi:
            continue
        with_it, number = group([ids, column.codes])
        yield Kept(
            title,
            len(column.values),
            sensitive=title in roles.sensitive,
            names_rows=rows > 1 and len(column.values) >= _NEARLY_ALL * rows,
            undoes=tuple(quasi for quasi in roles.quasi if _undoes(done, column, quasi)),
            k_with_it=int(people.count(with_it, number).min()),
        )


def _undoes(done: Anonymised, column: Column, quasi: str) -> bool:
    """Tell whether a column, beside what is published of a quasi-identifier, gives its original away in most rows.

    Rows that are alone with their value do not count: of them everything follows.
    """
    was, now = done.original[quasi], done.recoding.columns[quasi]
    seen, count = group([column.codes, now.codes])
    vague = (count_distinct(now.codes.astype(np.int64), len(now.values), was.codes) > 1)[now.codes]
    shared = (np.bincount(seen) > 1)[seen]
    looked_at = vague & shared
    if not looked_at.any():
        return False
    told = (count_distinct(seen, count, was.codes) == 1)[seen]
    return bool(told[looked_at].mean() > _MOSTLY)
