"""Passthrough columns: the published columns that are not generalised, and warnings about what they reveal."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Anonymised
from fairdatabase.anonymity.search.disclosure import undoes

# A column identifies rows if the number of its different values is at least this share of the number of rows.
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class PassthroughColumn:
    """A published column that is not a quasi-identifier. It may be coarser than in the input.

    `k_with_it` is k for somebody who also knows the values of this column. `alone` is how many people are the only ones
    with their value in this column. `undoes` names the generalised columns whose
    original values can be derived from this column.
    """

    title: str
    values: int
    sensitive: bool
    names_rows: bool
    undoes: tuple[str, ...]
    k_with_it: int
    alone: int

    def warning(self, k: int) -> str | None:
        """Return the warning about the column, None if it distinguishes nobody."""
        if self.alone:
            people = "1 person is" if self.alone == 1 else f"{self.alone} people are"
            return f"{self.title!r} is published unchanged: {people} alone with their value in it."
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
            undoes=tuple(
                quasi for quasi in roles.quasi if undoes(column, done.original[quasi], done.recoding.columns[quasi])
            ),
            k_with_it=int(people.count(with_it, number).min()),
            alone=int((people.smallest(column.codes.astype(np.int64), len(column.values)) == 1).sum()),
        )
