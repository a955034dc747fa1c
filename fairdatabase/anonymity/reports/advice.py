"""Advice: the classes that protect least, and which column to generalise next."""

from dataclasses import dataclass

import numpy as np

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import find_hierarchy
from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Table
from fairdatabase.anonymity.risk.diversity import distinct_l
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.risk.sensitive import read_all

# The size of class that most guidance asks for at least.
ENOUGH = 5


@dataclass(frozen=True, slots=True)
class WorstClass:
    """One class: its quasi-identifiers, how many people and rows it holds, and values of each sensitive column."""

    quasi: dict[str, str]
    people: int
    rows: int
    values: dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One column taken one level up, or to nothing at all, and what that would make of the table.

    `exposed` are the rows of classes with fewer than five people.
    """

    title: str
    to: str
    k: int
    unique_rows: int
    exposed: int


def worst_classes(table: Table, roles: Roles, most: int = 10) -> list[WorstClass]:
    """Return the classes with the fewest people, of those the ones first that tell most about them."""
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
    """Return how many rows are in classes with fewer than five people."""
    ids, count = group([table[title].codes for title in roles.quasi])
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows)
    return int((people.count(ids, count) < ENOUGH)[ids].sum())


def next_steps(table: Table, roles: Roles) -> list[Step]:
    """Return for each quasi-identifier what its next level would gain, the largest gain first.

    The gain is how few rows are left exposed; of equal ones, how few are unique, and how large k becomes.
    """
    people = people_of(table[roles.subject] if roles.subject is not None else None, table.rows)
    codes = {title: table[title].codes for title in roles.quasi}
    steps: list[Step] = []
    for title in roles.quasi:
        if len(table[title].values) == 1:
            continue
        level = find_hierarchy(table[title].values).levels[1]
        ids, count = group([*(other for name, other in codes.items() if name != title), level.nodes[codes[title]]])
        sizes = people.count(ids, count)
        each = sizes[ids]
        steps.append(Step(title, level.name, int(sizes.min()), int((each == 1).sum()), int((each < ENOUGH).sum())))
    return sorted(steps, key=lambda step: (step.exposed, step.unique_rows, -step.k))
