"""Crowds: how many people are alone with what is known of them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable


def count_alone(known: Iterable[tuple[Hashable, Hashable]]) -> int:
    """Return how many people are alone with a description. `known` has a person and a description for each row.

    A person with several rows is alone if any of the descriptions is of nobody else.
    """
    described: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
    for person, description in known:
        described[description].add(person)
    return len({next(iter(people)) for people in described.values() if len(people) == 1})
