"""Advice on a table: the classes that protect people least, and which column to generalise next."""

from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Table
from fairdatabase.anonymity.risk.diversity import distinct_l
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.risk.sensitive import read_all

# The class size that most guidance requires.
ENOUGH = 5


@dataclass(frozen=True, slots=True)
class WorstClass:
    """One class: its quasi-identifiers, people, rows, and number of values in each sensitive column."""

    quasi: dict[str, str]
    people: int
    rows: int
    values: dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One column generalised one level further, possibly to "*", and the resulting figures of the table.

    `exposed` is the number of rows in classes with fewer than five people.
    """

    title: str
    to: str
    k: int
    unique_rows: int
    exposed: int


def worst_classes(table: Table, roles: Roles, most: int = 10) -> list[WorstClass]:
    """Return the classes with the fewest people. Among equals, those with the fewest sensitive values come first."""
    ids, count = group([table[title].codes for title in roles.quasi])
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows).count(ids, count)
    sensitive = read_all({title: table[title] for title in roles.sensitive}, roles.categorical)
    values = {title: distinct_l(ids, count, column) for title, column in sensitive.items()}
    least = np.min(np.stack(list(values.values())), axis=0) if values else np.zeros(count, np.int64)
    _, first = np.unique(ids, return_index=True)
    rows = np.bincount(ids)
    return [
        WorstClass(
            {title: table[title].values[int(table[title].codes[first[number]])] for title in roles.quasi},
            int(people[number]),
            int(rows[number]),
            {title: int(found[number]) for title, found in values.items()},
        )
        for number in np.lexsort((first, least, people))[:most].tolist()
    ]


def exposed_rows(table: Table, roles: Roles) -> int:
    """Return the number of rows in classes with fewer than five people."""
    ids, count = group([table[title].codes for title in roles.quasi])
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows)
    return int((people.count(ids, count) < ENOUGH)[ids].sum())


def next_steps(table: Table, roles: Roles) -> list[Step]:
    """Return the effect of generalising each quasi-identifier one level further, the largest gain first.

    A step with fewer exposed rows gains more. Ties are broken by fewer unique rows, then by a larger k.
    """
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows)
    codes = {title: table[title].codes for title in roles.quasi}
    steps: list[Step] = []
    for title in roles.quasi:
        if len(table[title].values) == 1:
            continue
        level = infer_hierarchy(table[title].values, title).levels[1]
        ids, count = group([*(other for name, other in codes.items() if name != title), level.nodes[codes[title]]])
        sizes = people.count(ids, count)
        each = sizes[ids]
        steps.append(Step(title, level.name, int(sizes.min()), int((each == 1).sum()), int((each < ENOUGH).sum())))
    return sorted(steps, key=lambda step: (step.exposed, step.unique_rows, -step.k))
