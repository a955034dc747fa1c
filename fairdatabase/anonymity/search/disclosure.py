"""Disclosure: which further columns may be published beside the generalised ones, and whom a table singles out.

By default, a column that is neither a quasi-identifier nor sensitive is published only if the policy calls it public,
it does not reveal what was generalised, and nobody is alone with it. Values become coarser until k people share each,
and numbers until nobody is alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.classes import count_distinct, group
from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.people import People
from fairdatabase.anonymity.model.table import Codes, Column, Table, narrow
from fairdatabase.anonymity.recoding.shared_values import FREE_TEXT, share_values
from fairdatabase.anonymity.risk.risk import Roles

if TYPE_CHECKING:
    from fairdatabase.anonymity.tables.roles import Guess

# A column reveals what was generalised if it determines the original value in more than this share of the rows. A
# smaller share may be a coincidence.
_MOSTLY = 0.5
# "*" may stand for a value in at most one row in this many, where the value would single somebody out.
_ROWS_PER_ONE_HIDDEN = 10
_ALONE = "would single people out"
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


def share_sensitive(table: Table, titles: Sequence[str], people: People, k: int) -> Further:
    """Return sensitive columns in which at least k people share each value; those without such values are left out."""
    columns: dict[str, Column] = {}
    left_out: list[LeftOut] = []
    # With --k 1, nobody shares anything.
    for title in titles if k > 1 else ():
        found = share_values(table[title], title, people, k)
        if isinstance(found, str):
            left_out.append(LeftOut(title, found))
        else:
            columns[title] = found.column
    return Further(columns, tuple(left_out))


def choose_further(
    original: Table, generalised: Mapping[str, Column], roles: Roles, people: People, keep: Sequence[str], k: int
) -> Further:
    """Choose the further columns to publish. `original` has the published rows before generalisation.

    The columns in `keep` are published unchanged, even if they reveal somebody.
    """
    columns = {title: original[title] for title in keep if title not in roles.named}
    left_out: list[LeftOut] = []
    public: list[str] = []
    for guess in _guesses(original, {*roles.named, *keep}):
        if guess.role == "public":
            public.append(guess.title)
        else:
            left_out.append(LeftOut(guess.title, guess.why if guess.role == "companion" else _WHY[guess.role]))
    alone = _Alone([c.codes for c in generalised.values()], [c.codes for c in columns.values()], people, k)
    # Columns with few values first: they reveal least, so more of them fit.
    for title in sorted(public, key=lambda title: len(original[title].values)):
        if undone := [q for q, now in generalised.items() if undoes(original[title], original[q], now)]:
            left_out.append(LeftOut(title, f"reveals what was generalised in {', '.join(undone)}"))
        elif isinstance(found := _coarse_enough(original[title], title, people, alone, k), str):
            left_out.append(LeftOut(title, found))
        else:
            columns[title] = found
            alone.add(found.codes)
    return Further(columns, tuple(left_out))


def _guesses(table: Table, named: Collection[str]) -> "list[Guess]":
    """Return the guessed roles of the columns that are not named."""
    # Their values are judged by many patterns, which take time to load.
    if not set(table.columns) - set(named):
        return []
    from fairdatabase.anonymity.tables.roles import default_policy, guess_roles

    return [guess for guess in guess_roles(default_policy(), table) if guess.title not in named]


class _Alone:
    """Keeps columns from singling out people who are not alone without them."""

    def __init__(self, generalised: Sequence[Codes], kept: Sequence[Codes], people: People, k: int) -> None:
        self._people, self._k = people, k
        self._classes, _ = group(generalised)
        self._ids, _ = group([self._classes, *kept])
        self._alone = self._are_alone(self._ids)

    def hide(self, column: Column) -> Column | None:
        """Return the column with "*" where it would single somebody out, None if that is in too many rows.

        If a few people of a class have "*" then, all people of the class get it.
        """
        values = column.values if ANYTHING in column.values else [*column.values, ANYTHING]
        star = values.index(ANYTHING)
        codes = column.codes.astype(np.int64)
        codes[self._singled_out(codes)] = star
        classes, count = group([self._classes, (codes == star).astype(np.int64)])
        few = (codes == star) & (self._people.count(classes, count) < self._k)[classes]
        codes[np.isin(self._classes, self._classes[few])] = star
        codes[np.isin(self._classes, self._classes[self._singled_out(codes)])] = star
        if (codes == star).sum() * _ROWS_PER_ONE_HIDDEN > len(codes):
            return None
        return Column(values, narrow(codes, len(values))).take(np.arange(len(codes)))

    def add(self, codes: Codes) -> None:
        """Count with this column from now on."""
        self._ids, _ = group([self._ids, codes])
        self._alone = self._are_alone(self._ids)

    def _singled_out(self, codes: Codes) -> NDArray[np.bool_]:
        """Return the rows of people who are alone if a column with these codes is published too, but not without it."""
        return self._are_alone(group([self._ids, codes])[0]) & ~self._alone

    def _are_alone(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (self._people.count(ids, int(ids.max()) + 1) == 1)[ids]


def _number_of(people: People) -> int:
    everybody = np.zeros(len(people.weights), np.int64)
    return int(people.count(everybody, 1)[0])


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


def _coarse_enough(column: Column, title: str, people: People, alone: _Alone, k: int) -> Column | str:
    """Return the column in the finest form that singles nobody out, or why it is left out."""
    while not isinstance(found := share_values(column, title, people, k, fill=False), str):
        if (hidden := alone.hide(found.column)) is not None:
            return hidden
        if not found.is_number:
            return _ALONE
        k *= 2
    return found if found == FREE_TEXT else _ALONE


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
