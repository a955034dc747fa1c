"""Disclosure: which further columns may be published beside the generalised ones, and whom a table singles out.

By default, a column that is neither a quasi-identifier nor sensitive is published only if the policy calls it public,
it does not reveal what was generalised, and hardly anybody is alone with it. Numbers are made coarser until that holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.hierarchies.kinds import recoded, with_cells
from fairdatabase.anonymity.model.classes import count_distinct, group
from fairdatabase.anonymity.model.people import People
from fairdatabase.anonymity.model.table import Codes, Column, Table
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.tables.roles import default_policy, guess_roles

# A column reveals what was generalised if it determines the original value in more than this share of the rows. A
# smaller share may be a coincidence.
_MOSTLY = 0.5
# At most one person in this many may be alone with all published columns that are not sensitive.
_PEOPLE_PER_ONE_ALONE = 100
# At most one row in this many may be alone with its number.
_ROWS_PER_ONE_ALONE = 20
# A number is published exactly only if at least this many rows have it.
_SHARED = 5
_WHY = {
    "direct": "identifies a person",
    "subject": "identifies the person",
    "quasi": "a quasi-identifier that --quasi does not name",
    "sensitive": "sensitive, but --sensitive does not name it",
    "restricted": "may identify a person",
    "unknown": "unknown to the policy",
}


class LeftOut(NamedTuple):
    """A column that is not published, and why."""

    title: str
    why: str

    @property
    def is_unknown(self) -> bool:
        """Whether the policy does not know the column, so that its title may identify somebody."""
        return self.why == _WHY["unknown"]


@dataclass(frozen=True, slots=True)
class Further:
    """The further columns that are published, and those that are left out."""

    columns: dict[str, Column]
    left_out: tuple[LeftOut, ...]


def choose_further(
    original: Table, generalised: Mapping[str, Column], roles: Roles, people: People, keep: Sequence[str]
) -> Further:
    """Choose the further columns to publish. `original` has the published rows before generalisation.

    The columns in `keep` are published unchanged, even if they reveal somebody.
    """
    columns = {title: original[title] for title in keep}
    left_out: list[LeftOut] = []
    public: list[str] = []
    for guess in guess_roles(default_policy(), original):
        if guess.title in (*roles.named, *keep):
            continue
        if guess.role == "public":
            public.append(guess.title)
        else:
            left_out.append(LeftOut(guess.title, guess.why if guess.role == "companion" else _WHY[guess.role]))
    alone = _Alone([column.codes for column in (*generalised.values(), *columns.values())], people)
    # Columns with few values first: they reveal least, so more of them fit.
    for title in sorted(public, key=lambda title: len(original[title].values)):
        if undone := [q for q, now in generalised.items() if undoes(original[title], original[q], now)]:
            left_out.append(LeftOut(title, f"reveals what was generalised in {', '.join(undone)}"))
        elif (column := _coarse_enough(with_cells(original[title], title), title, alone)) is None:
            left_out.append(LeftOut(title, "would single people out"))
        else:
            columns[title] = column
            alone.add(column.codes)
    return Further(columns, tuple(left_out))


class _Alone:
    """Counts the people who are alone with some columns."""

    def __init__(self, columns: Sequence[Codes], people: People) -> None:
        self._people = people
        self._ids, _ = group(columns)
        self._most = max(self._count(self._ids), (_number_of(people) - 1) // _PEOPLE_PER_ONE_ALONE)

    def permits(self, codes: Codes) -> bool:
        """Return whether few enough people are alone if this column is published too."""
        return self._count(group([self._ids, codes])[0]) <= self._most

    def add(self, codes: Codes) -> None:
        """Count with this column from now on."""
        self._ids, _ = group([self._ids, codes])

    def _count(self, ids: NDArray[np.int64]) -> int:
        return int((self._people.smallest(ids, int(ids.max()) + 1) == 1).sum())


def _number_of(people: People) -> int:
    everybody = np.zeros(len(people.weights), np.int64)
    return int(people.count(everybody, 1)[0])


def _coarse_enough(column: Column, title: str, alone: _Alone) -> Column | None:
    """Return the column in the finest form that singles hardly anybody out, None if there is none."""
    hierarchy = infer_hierarchy(column.values, title)
    if hierarchy.line is None:
        return column if alone.permits(column.codes) else None
    for level in hierarchy.levels[:-1]:
        nodes: list[int] = level.nodes.tolist()
        coarse = recoded(column, [level.labels[node] for node in nodes])
        sizes = np.bincount(coarse.codes)
        is_shared = sizes.min() >= _SHARED if level is hierarchy.levels[0] else True
        if is_shared and (sizes == 1).sum() * _ROWS_PER_ONE_ALONE <= len(coarse.codes) and alone.permits(coarse.codes):
            return coarse
    return None


def undoes(column: Column, was: Column, now: Column) -> bool:
    """Return whether a column and the published quasi-identifier determine the original value in most rows.

    Rows with a unique pair of values do not count: a unique pair determines everything.
    """
    seen, count = group([column.codes, now.codes])
    vague = (count_distinct(now.codes.astype(np.int64), len(now.values), was.codes) > 1)[now.codes]
    shared = (np.bincount(seen) > 1)[seen]
    relevant = vague & shared
    if not relevant.any():
        return False
    determined = (count_distinct(seen, count, was.codes) == 1)[seen]
    return bool(determined[relevant].mean() > _MOSTLY)


@dataclass(frozen=True, slots=True)
class SingledOut:
    """How many of the people are alone with what is published, without and with the sensitive columns."""

    people: int
    alone: int
    alone_with_sensitive: int


def singled_out(table: Table, roles: Roles, people: People) -> SingledOut:
    """Count whom a published table singles out."""
    known = [column.codes for title, column in table.columns.items() if title not in roles.sensitive]
    every = [column.codes for column in table.columns.values()]
    alone, with_sensitive = (int((people.smallest(*group(codes)) == 1).sum()) for codes in (known, every))
    return SingledOut(_number_of(people), alone, with_sensitive)
