"""Rare values that the description of a class still reveals."""

from collections.abc import Iterator

import numpy as np

from fairdatabase.anonymity.model.hierarchy import ANYTHING
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.values import is_missing
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Anonymised


def rare_values(done: Anonymised, roles: Roles, k: int) -> Iterator[str]:
    """Yield warnings about columns that reveal values of fewer than k people.

    A set reveals its categories. "*" in a column of numbers reveals that somebody in the class has
    no value, because a range describes every class without missing values.
    """
    if done.recoding.kind != "local":
        return
    people = people_of(done.original[roles.subject] if roles.subject is not None else None, done.table.rows)
    for title in roles.quasi:
        hierarchy, was, now = done.hierarchies[title], done.original[title], done.recoding.columns[title]
        is_number = hierarchy.kind == "numbers"
        if hierarchy.steps and not is_number:
            continue
        few = people.count(was.codes.astype(np.int64), len(was.values)) < k
        missing = np.array([is_missing(value) for value in was.values])
        gone = np.array([value == ANYTHING for value in now.values])[now.codes]
        same = np.array([value in was.values for value in now.values])[now.codes]
        if is_number and (missing & few)[was.codes[gone]].any():
            yield f"'*' in {title!r} reveals that somebody in the class has no value: fewer than {k} people have none."
        if not is_number and few[was.codes[~gone & ~same]].any():
            yield f"Sets in {title!r} name categories that fewer than {k} people have."
