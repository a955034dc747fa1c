"""The risk figures of a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fairdatabase.anonymity.model.classes import Ids, group
from fairdatabase.anonymity.model.errors import BadOption
from fairdatabase.anonymity.model.people import People, people_of
from fairdatabase.anonymity.model.table import Table
from fairdatabase.anonymity.risk.closeness import closeness
from fairdatabase.anonymity.risk.diversity import distinct_l, entropy_l
from fairdatabase.anonymity.risk.sensitive import Sensitive, read_all
from fairdatabase.sheets.columns import list_titles
from fairdatabase.sheets.errors import BadTable

# Further digits are rounding errors.
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Risk:
    """The figures of a table.

    `k` is the number of people in the smallest class (see `People.count`), `subjects` the number of people in the
    table; without a subject column each row is a different person. `distinct_l` and `entropy_l` are the smallest values
    of all classes, `t` the largest, by sensitive column. `unique_rows` is the number of rows in classes of one person.
    `max_reidentification_risk` is 1 / k: the chance of picking the right person, for somebody who knows that they are
    in the table and knows their quasi-identifiers.
    """

    rows: int
    subjects: int
    classes: int
    k: int
    distinct_l: dict[str, int]
    entropy_l: dict[str, float]
    t: dict[str, float]
    unique_rows: int
    max_reidentification_risk: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of columns. Columns without a role are ignored."""

    quasi: tuple[str, ...]
    sensitive: tuple[str, ...] = ()
    subject: str | None = None
    # Sensitive columns whose values are codes even if they look like numbers.
    categorical: frozenset[str] = frozenset()

    @property
    def named(self) -> tuple[str, ...]:
        """All columns with a role, except `categorical`, which repeats sensitive ones."""
        return (*self.quasi, *self.sensitive, *((self.subject,) if self.subject is not None else ()))


def check_roles(roles: Roles, titles: Sequence[str]) -> None:
    """Raise BadTable unless each named column exists and has one role, and there is a quasi-identifier."""
    if not roles.quasi:
        raise BadOption("name at least one quasi-identifier")
    known = set(titles)
    for title in (*roles.named, *roles.categorical):
        if title not in known:
            raise BadTable(f"there is no column {title!r}; the columns are: {list_titles(titles)}", line=1)
    for title in sorted(roles.categorical - {*roles.sensitive}):
        raise BadOption(f"{title!r} is named by --categorical, so --sensitive must name it too")
    seen: set[str] = set()
    for title in roles.named:
        if title in seen:
            raise BadOption(
                f"{title!r} is named twice: a column is either a quasi-identifier, sensitive or the subject"
            )
        seen.add(title)


def measure(table: Table, roles: Roles) -> Risk:
    """Return the figures of a table. Raises BadTable if a column does not exist or has two roles."""
    check_roles(roles, list(table.columns))
    ids, count = group([table[title].codes for title in roles.quasi])
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows)
    sensitive = read_all({title: table[title] for title in roles.sensitive}, roles.categorical)
    return measure_classes(ids, count, people, sensitive)


def measure_classes(ids: Ids, count: int, people: People, sensitive: dict[str, Sensitive]) -> Risk:
    """Return the figures of classes."""
    sizes = people.count(ids, count)
    k = int(sizes.min())
    weights = people.weights
    return Risk(
        rows=len(ids),
        subjects=int(people.count(np.zeros(len(ids), np.int64), 1)[0]),
        classes=count,
        k=k,
        distinct_l={title: int(distinct_l(ids, count, s).min()) for title, s in sensitive.items()},
        entropy_l={title: _round(entropy_l(ids, count, s, weights).min()) for title, s in sensitive.items()},
        t={title: _round(closeness(ids, count, s, weights).max()) for title, s in sensitive.items()},
        unique_rows=int((sizes == 1)[ids].sum()),
        max_reidentification_risk=_round(1 / k),
    )


def _round(figure: float) -> float:
    # "+ 0.0" turns -0.0 into 0.0.
    return round(float(figure), _DIGITS) + 0.0
