"""Classes: raises the class of a value, in any field, to that of its most revealing word or ontology id."""

from dataclasses import replace
from functools import lru_cache

from fairdatabase.policy.recognizers.terms import is_well_known
from fairdatabase.policy.recognizers.topics import topic_of, topic_of_id, topic_of_person, topic_of_sample
from fairdatabase.policy.records.origins import Origin
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
_AS = ", as "


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


def classified_for(origin: Origin, field: Field, stored: Scalar, vocabulary: Vocabulary) -> Field:
    """Return the field of a stored value whose class depends on the origin of its sample.

    `field` already has the class that the value has in a sample that is of no person.
    """
    if origin == Origin.ELSEWHERE:
        return field
    if field.class_of_person:
        return _of_person(field)
    if isinstance(stored, bool):
        return field
    return at_least(field, topic_of_sample(plain(stored), field, vocabulary, is_person=origin == Origin.PERSON))


@lru_cache(_MOST_RAISED)
def _of_person(field: Field) -> Field:
    says = f"{field.says}, as {CLASS_NAMES[field.class_of_person]}: the sample is or may be of a person"
    return replace(field, field_class=field.class_of_person, says=says, is_raised=True)


def at_least(field: Field, topic: Topic | None) -> Field:
    """Return a field whose class is at least that of a topic."""
    return field if topic is None or topic.field_class <= field.field_class else _raised(field, topic)


@lru_cache(_MOST_RAISED)
def _raised(field: Field, topic: Topic) -> Field:
    why = f"says something about {topic.about}"
    return replace(field, field_class=topic.field_class, says=says_raised(field.says, topic), why=why, is_raised=True)


def says_raised(says: str, topic: Topic) -> str:
    """Return the name of an action on a value that has the class of a topic."""
    says, _, _ = says.partition(_AS)
    return f"{says}{_AS}{CLASS_NAMES[topic.field_class]}: it says something about {topic.about}"
