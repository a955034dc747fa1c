"""Crowds: how many people are alone with what others see of them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from fairdatabase.policy.access.equivalence import DEFAULT_READER_K, ClassSize, quasi_identifiers
from fairdatabase.policy.records.anonymisation import Anonymised
from fairdb.privacy.v1.field_class_pb2 import FieldClass

_PUBLIC = frozenset((FieldClass.FIELD_CLASS_PUBLIC,))
_FOR_READERS = _PUBLIC | {FieldClass.FIELD_CLASS_QUASI_IDENTIFIER}


class Person(NamedTuple):
    """Somebody whose sample is stored."""

    name: str
    """The donor, or another name in each row that names none."""
    is_donor: bool


class Kept(NamedTuple):
    """A stored sample."""

    person: Person
    stored: Anonymised
    is_of_a_person: bool = True
    """Whether the sample is, or may be, of a person. Nobody is alone in a sample of soil."""


def alone_in_public(kept: Iterable[Kept]) -> set[Hashable]:
    """Return the people who are alone with their public fields."""
    return alone((one.person, _shown(one.stored, _PUBLIC)) for one in kept)


def alone_for_readers(kept: Sequence[Kept]) -> set[Hashable]:
    """Return the people who are alone with what readers of a study see, if its owner has not changed k."""
    donors: defaultdict[Hashable, set[Person]] = defaultdict(set)
    for person, stored, _ in kept:
        if person.is_donor:
            donors[_class_of(stored)].add(person)

    def shown(stored: Anonymised) -> Hashable:
        is_large = ClassSize(len(donors[_class_of(stored)])).admits(DEFAULT_READER_K)
        return _shown(stored, _FOR_READERS if is_large else _PUBLIC)

    return alone((one.person, shown(one.stored)) for one in kept)


def alone(known: Iterable[tuple[Hashable, Hashable]]) -> set[Hashable]:
    """Return the people who are alone with a description. `known` has a person and a description for each row.

    A person with several rows is alone if any of the descriptions is of nobody else. Nobody is alone if there is only
    one person.
    """
    described: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
    for person, description in known:
        described[description].add(person)
    if len(set[Hashable]().union(*described.values())) == 1:
        return set()
    return {next(iter(people)) for people in described.values() if len(people) == 1}


def _shown(stored: Anonymised, classes: frozenset[FieldClass.ValueType]) -> Hashable:
    """Return the fields of these classes.

    The study is the same everywhere, and the pseudonym is left out: it is what a description must not lead to.
    """
    public = FieldClass.FIELD_CLASS_PUBLIC
    return frozenset(
        (path, value) for path, value in _values(stored).items() if stored.classes.get(path, public) in classes
    )


def _class_of(stored: Anonymised) -> Hashable:
    """Return the equivalence class of a sample."""
    values = _values(stored)
    return frozenset((path, values[path]) for path in quasi_identifiers(stored.classes))


def _values(stored: Anonymised) -> dict[str, bytes]:
    sample = stored.sample
    values = {f"metadata.{name}": value.SerializeToString() for name, value in sample.metadata.items()}
    named = {"organism": sample.organism, "taxonId": str(sample.taxon_id), "collectionDate": sample.collection_date}
    return values | {path: value.encode() for path, value in named.items()}
