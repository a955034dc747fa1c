"""Classes: raises the class of a value, in any field, to that of its most revealing word or ontology id."""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from fairdatabase.policy.recognizers.terms import is_well_known
from fairdatabase.policy.recognizers.topics import topic_of, topic_of_id, topic_of_person
from fairdatabase.policy.tables.fields import CLASS_NAMES, Field
from fairdatabase.policy.tables.topics import Topic
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdb.privacy.v1.field_class_pb2 import FieldClass

_PUBLIC, _SENSITIVE, _RESTRICTED = (
    FieldClass.FIELD_CLASS_PUBLIC,
    FieldClass.FIELD_CLASS_SENSITIVE,
    FieldClass.FIELD_CLASS_RESTRICTED,
)
_MOST_RAISED = 4096
_HOSTS = frozenset(("host_species", "host_common_name", "host_taxid"))
_HUMAN = frozenset(("homo sapiens", "homo sapiens sapiens", "human", "humans", "9606"))
# Fields of these actions say where and when a sample was taken, which environmental samples have as well.
_OF_PLACES = frozenset(("country", "grid", "coordinates", "year", "prefix"))
_NAMES_OF_PLACES = frozenset(("region", "continent"))


def classified(field: Field, stored: Scalar, vocabulary: Vocabulary) -> Field:
    """Return the field of a stored value, with the class of this value."""
    if not field.is_classified or isinstance(stored, bool):
        return field
    if field.field_class == _SENSITIVE:
        # A sensitive term may contain a word that the vocabulary does not know, which may be a name.
        is_known = not isinstance(stored, str) or is_well_known(stored, vocabulary)
        if not is_known:
            return replace(field, field_class=_RESTRICTED)
        # A reader who may see the answer must not see the exact age or sex beside it.
        return at_least(field, topic_of_person(stored, field, vocabulary)) if isinstance(stored, str) else field
    find = topic_of_id if field.action == "ontology" else topic_of
    return at_least(field, find(plain(stored), field, vocabulary))


def at_least(field: Field, topic: Topic | None) -> Field:
    """Return a field whose class is at least that of a topic."""
    return field if topic is None or topic.field_class <= field.field_class else _raised(field, topic)


@lru_cache(_MOST_RAISED)
def _raised(field: Field, topic: Topic) -> Field:
    why = f"says something about {topic.about}"
    return replace(field, field_class=topic.field_class, says=says_raised(field.says, topic), why=why)


def says_raised(says: str, topic: Topic) -> str:
    """Return the name of an action on a value that has the class of a topic."""
    return f"{says}, as {CLASS_NAMES[topic.field_class]}: it says something about {topic.about}"


def is_of_a_person(has_subject: bool, values: Iterable[tuple[Field, Scalar]]) -> bool:
    """Return whether a sample with these stored values comes from a person, as far as it says so.

    A host decides it. Without one, a subject or any fact about a person does.
    """
    hosts: list[str] = []
    for field, value in values:
        if field.name in _HOSTS:
            hosts.append(plain(value).lower())
        elif field.field_class != _PUBLIC and field.action not in _OF_PLACES and field.name not in _NAMES_OF_PLACES:
            has_subject = True
    return any(host in _HUMAN for host in hosts) if hosts else has_subject
