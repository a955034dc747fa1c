"""Roles: guesses the role of each column of a table, from the policy and from the column's title and values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.table import Table
from fairdatabase.policy.records.subjects import best_column, donor_of, fits_many
from fairdatabase.policy.tables.fields import CLASS_NAMES, Field, Policy
from fairdatabase.policy.tables.reader import load_policy
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean

_SEPARATORS = re.compile(r"[\W_]+")
_RAISED = ("public", "quasi")
_FOLLOWED = ("quasi", "sensitive")
"""A column of ontology ids is a companion if the column of its terms would have one of these roles."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The role of one column, and why it has that role."""

    title: str
    role: str
    why: str
    values: int


def guess_roles(policy: Policy, table: Table) -> list[Guess]:
    """Return the role of each column.

    Roles: "direct", "subject", "quasi", "sensitive", "restricted" (sensitive, and so specific that it may single out a
    person), "public", "companion" (repeats a column that is quasi or sensitive) and "unknown". Of the columns that name
    subjects, the one that tells people apart is the subject. Of quasi-identifiers with the same information, the one
    with the shortest title remains.
    """
    matched = {title: policy.listed(title) for title in table.columns}
    of_people = {title: table[title].values for title, found in matched.items() if found and found.action == "subject"}
    subject = best_column(of_people, policy.vocabulary)
    guesses: list[Guess] = []
    alike: list[list[str]] = []
    for title, column in table.columns.items():
        values = len(column.values)
        found = matched[title]
        role, why = _role(found, values, table.rows)
        if found is not None and role in _RAISED:
            role, why = _raised_by_values(found, column.values, policy.vocabulary)
        if role == "subject" and title != subject:
            role, why = "direct", "names nobody in particular" if subject is None else f"{subject} names the person"
        if role == "quasi" and values > 1:
            same = next((titles for titles in alike if _say_the_same(table, titles[0], title)), None)
            if same is None:
                alike.append([title])
            else:
                same.append(title)
        guesses.append(Guess(title, role, why, values))
    plainest = {title: min(titles, key=lambda t: len(_words(t))) for titles in alike for title in titles}
    return [
        replace(guess, role="companion", why=f"same information as {plainest[guess.title]}")
        if plainest.get(guess.title, guess.title) != guess.title
        else guess
        for guess in guesses
    ]


def shared_identifiers(guesses: Sequence[Guess], table: Table, vocabulary: Vocabulary) -> list[str]:
    """Return the columns of direct identifiers in which some rows share a value, so that they may name people.

    Columns with more different values come first.
    """
    shared: list[tuple[int, str]] = []
    for guess in guesses:
        if guess.role != "direct":
            continue
        column = table[guess.title]
        rows = np.bincount(column.codes, minlength=len(column.values))
        codes = [number for number, value in enumerate(column.values)
                 if (donor := donor_of(value, vocabulary)) and not fits_many(donor)]  # fmt: skip
        if 1 < len(codes) < int(rows[codes].sum()):
            shared.append((-len(codes), guess.title))
    return [title for _, title in sorted(shared)]


@cache
def default_policy() -> Policy:
    """Return the platform's policy."""
    return load_policy()


def as_json(guesses: Sequence[Guess]) -> list[dict[str, Any]]:
    """Return guesses as JSON objects."""
    return [{"column": guess.title, "role": guess.role, "why": guess.why, "values": guess.values} for guess in guesses]


def _role(found: Field | None, values: int, rows: int) -> tuple[str, str]:
    if found is None:
        is_unique = values == rows > 1
        return "unknown", "not in the policy; a different value in every row" if is_unique else "not in the policy"
    role = CLASS_NAMES[found.field_class]
    if found.follows and role in _FOLLOWED:
        return "companion", f"same information as {found.follows}"
    if found.action == "subject":
        return "subject", "names the person"
    return role, found.name


def _raised_by_values(found: Field, values: Sequence[str], vocabulary: Vocabulary) -> tuple[str, str]:
    """Return the role of a column, which has the class of its most revealing value."""
    # Imported here, because this compiles many patterns, which `fairdb risk` does not need.
    from fairdatabase.policy.recognizers.terms import is_term
    from fairdatabase.policy.records.classes import classified, classified_for
    from fairdatabase.policy.records.origins import Origin

    missing = vocabulary.missing.in_table
    texts = {text for value in values if (text := clean(value)) and not missing(text)}
    raised = [classified(found, text, vocabulary) for text in texts]
    if found.varies and found.is_classified:
        # The rows may be people. A value that the platform would not store is left to the other checks.
        known = [text for text in texts if is_term(text, found, vocabulary)]
        raised += [classified_for(Origin.UNCLEAR, found, text, vocabulary) for text in known]
    highest = max(raised, key=lambda field: field.field_class, default=found)
    if highest.field_class == found.field_class:
        return CLASS_NAMES[found.field_class], found.name
    return CLASS_NAMES[highest.field_class], f"{found.name}; {highest.why}"


def _say_the_same(table: Table, first: str, second: str) -> bool:
    """Return whether two columns group the rows alike and, to exclude coincidence, have the same first word."""
    values = len(table[first].values)
    if values != len(table[second].values) or _words(first)[0] != _words(second)[0]:
        return False
    return group([table[first].codes, table[second].codes])[1] == values


def _words(title: str) -> list[str]:
    """Return the words of a title: "age_max" has two."""
    return _SEPARATORS.split(title.strip().lower())
