"""Passthrough columns: the columns that are published unchanged, and warnings about what they reveal."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.model.classes import count_distinct, group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Anonymised

# A column identifies rows if the number of its different values is at least this share of the number of rows.
_NEARLY_ALL = 0.9
# A column reveals what was generalised if it determines the original value in more than this share of the rows. A
# smaller share may be a coincidence.
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class PassthroughColumn:
    """A column that is published unchanged, because it is not a quasi-identifier.

    `k_with_it` is k for somebody who also knows the values of this column. `undoes` names the generalised columns whose
    original values can be derived from this column.
    """

    title: str
    values: int
    sensitive: bool
    names_rows: bool
    undoes: tuple[str, ...]
    k_with_it: int

    def warning(self, k: int) -> str | None:
        """Return the warning about the column, None if it distinguishes nobody."""
        if self.names_rows:
            why = f"{self.title!r} has a different value in nearly every row, so it identifies rows."
            return f"{why} Drop it if somebody else may know these values."
        if self.undoes:
            columns = " and ".join(map(repr, self.undoes))
            return f"{self.title!r} reveals what was generalised in {columns}. Drop it, or name it with --quasi."
        if self.k_with_it < k and not self.sensitive:
            return f"{self.title!r} is published unchanged: k is {self.k_with_it} for somebody who knows its values."
        return None


def passthrough_columns(done: Anonymised, roles: Roles) -> list[PassthroughColumn]:
    """Return the passthrough columns in the order of the table."""
    return list(_passthrough_columns(done, roles))


def _passthrough_columns(done: Anonymised, roles: Roles) -> Iterator[PassthroughColumn]:
    ids, _ = done.recoding.classes()
    subject = None if roles.subject is None else done.original[roles.subject]
    people = people_of(subject, done.table.rows)
    rows = done.table.rows
    for title, column in done.table.columns.items():
        if title in roles.quasi:
            continue
        with_it, number = group([ids, column.codes])
        yield PassthroughColumn(
            title,
            len(column.values),
            sensitive=title in roles.sensitive,
            names_rows=rows > 1 and len(column.values) >= _NEARLY_ALL * rows,
            undoes=tuple(quasi for quasi in roles.quasi if _undoes(done, column, quasi)),
            k_with_it=int(people.count(with_it, number).min()),
        )


def _undoes(done: Anonymised, column: Column, quasi: str) -> bool:
    """Return whether a column and the published quasi-identifier determine the original value in most rows.

    Rows with a unique pair of values do not count: a unique pair determines everything.
    """
    was, now = done.original[quasi], done.recoding.columns[quasi]
    seen, count = group([column.codes, now.codes])
    vague = (count_distinct(now.codes.astype(np.int64), len(now.values), was.codes) > 1)[now.codes]
    shared = (np.bincount(seen) > 1)[seen]
    relevant = vague & shared
    if not relevant.any():
        return False
    determined = (count_distinct(seen, count, was.codes) == 1)[seen]
    return bool(determined[relevant].mean() > _MOSTLY)
