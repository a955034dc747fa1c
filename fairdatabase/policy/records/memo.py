"""Memo: caches results from one record to the next, only for speed.

Sheets repeat their field names and most of their values, so most of a record is found in the cache. Nothing in the
cache can identify a person. It contains field names that the policy lists, questions, values and organisms whose words
the policy or the vocabulary lists, ids of studies, and the lengths of the texts outside the metadata. A value that
merely has the right form may identify somebody, so it is judged each time. Every cache is bounded, and is cleared when
it is full.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.recognizers.numbering import is_number_alone
from fairdatabase.policy.recognizers.organism import is_organism
from fairdatabase.policy.recognizers.plain import is_plain_id
from fairdatabase.policy.recognizers.terms import LONGEST_ENTRY, is_one_id, may_hold_id, without_ids
from fairdatabase.policy.recognizers.topics import topic_of_id, topic_of_organism, topic_of_taxon
from fairdatabase.policy.records.classes import at_least, classified, classified_for
from fairdatabase.policy.records.drops import Cause, Dropped
from fairdatabase.policy.records.origins import EvidenceOf, Origin
from fairdatabase.policy.records.rules import OTHER, RULES, Rule, RuleContext, expected_form
from fairdatabase.policy.tables.fields import Field, Match, Policy
from fairdatabase.policy.tables.topics import Topic
from fairdatabase.policy.text.characters import squash
from fairdatabase.policy.text.scalars import Scalar
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import RawSample, Sample

_MOST_NAMES = 4096
_MOST_VALUES_OF_A_FIELD = 1024
_MOST_ORGANISMS = 4096
_MOST_SHAPES = 4096
# Longer names and values are not cached. The proto permits every name up to this length.
_LONGEST = 64
_PUBLIC = FieldClass.FIELD_CLASS_PUBLIC

Shape = tuple[str, int, int, int, int]
Key = TypeVar("Key")
Item = TypeVar("Item")


class Bounded(dict[Key, Item]):
    """A dictionary that is cleared when it is full."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: Key, item: Item, /) -> None:
        if len(self) >= self._most:
            self.clear()
        super().__setitem__(key, item)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """The stored form of a value that consists of listed words, in each representation that a record needs."""

    field: Field
    stored: str
    squashed: str
    part: bytes
    """A serialised sample with this field alone. Concatenated parts parse as one sample with all of the fields."""
    by_origin: "Mapping[Origin, Listed] | None" = None
    """The same for a sample that may be of a person, and for one that is, if either has another class."""


class _Values(dict[Field, dict[str, Listed]]):
    """The stored forms of each field. A question that the policy does not list has none."""

    def __missing__(self, field: Field) -> dict[str, Listed]:
        return {}


class Memo:
    """The caches of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._names: Bounded[str, Field] = Bounded(_MOST_NAMES)
        self.names: Mapping[str, Field] = self._names
        """Fields by the names that senders wrote. Every name is a listed spelling that the proto permits."""
        # Names whose values are not read like those of the field's own name.
        self._read_by_title: Bounded[str, Match] = Bounded(_MOST_NAMES)
        self._questions: dict[str, Field] = {}
        self.values: Mapping[Field, dict[str, Listed]] = _Values(
            (field, Bounded(_MOST_VALUES_OF_A_FIELD)) for field in policy.all_fields()
        )
        """The stored forms, by field and clean value."""
        self.dropped_by_rule: Mapping[Field, Dropped] = {
            field: Dropped(Cause.RULE, field.why) for field in policy.all_fields() if not field.is_stored
        }
        self.dropped_by_value: Mapping[Field, Dropped] = {
            field: Dropped(Cause.VALUE, expected_form(field)) for field in policy.all_fields() if field.is_stored
        }
        """Drops of values for which the rule gives no reason of its own."""
        self.postcodes = frozenset(field for field in policy.all_fields() if field.action == "prefix")
        """The fields of which every record with a postcode has one."""
        self.organisms = frozenset(field for field in policy.all_fields() if field.name in ("organism", "taxon_id"))
        """The fields of which every record has one that names its organism in its metadata."""
        remembering = {action: self._remembering(RULES[action], part) for action, part in _LISTED_PARTS.items()}
        self.rules: Mapping[str, Rule] = {**RULES, **remembering}
        """The rules, by action, for values that are not cached."""
        self._organisms: Bounded[str, Topic | None] = Bounded(_MOST_ORGANISMS)
        self.evidence = EvidenceOf(policy.vocabulary.plain)
        """What each field says about the origin of a sample that has it."""
        self._good_shapes: Bounded[Shape, None] = Bounded(_MOST_SHAPES)

    def match(self, name: str) -> Match:
        """Return the field that a sender means by a name, and how to read its values."""
        field = self._names.get(name)
        if field is not None:
            return Match(field, True)
        match = self._read_by_title.get(name)
        if match is None:
            match = self.policy.match(name)
            if match.field is None:
                match = Match(self._question(name), True)
            if match.field is not None and match.is_listed and len(name) <= _LONGEST and name.isprintable():
                if match.reading is None:
                    self._names[name] = match.field
                else:
                    self._read_by_title[name] = match
        return match

    def _question(self, title: str) -> Field | None:
        """Return the field of a question that the policy does not list. Titles of one question share their field."""
        name = self.policy.vocabulary.questions.name(title)
        if not name:
            return None
        field = self._questions.get(name)
        if field is None:
            if len(self._questions) >= _MOST_NAMES:
                # Both caches are cleared, so that no name keeps an old field of a question.
                self._questions.clear()
                self._names.clear()
            field = self._questions[name] = self.policy.question(name)
        return field

    def _remembering(self, rule: Rule, listed_part: "ListedPart") -> Rule:
        """Return a rule that also caches the stored form of listed words."""

        def apply(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
            if not isinstance(value, str):
                return rule(field, value, context)
            if value[-1] == "]" and self._knows_but_for_id(field, value):
                return value
            stored = rule(field, value, context)
            if isinstance(stored, str):
                written, kept = listed_part(value, stored, self.policy)
                if written and len(written) <= _LONGEST:
                    self._remember(field, written, kept)
            return stored

        return apply

    def is_organism(self, name: str) -> bool:
        """Return whether a clean text may be stored as the organism."""
        if name in self._organisms:
            return True
        if not is_organism(name, self.policy.vocabulary):
            return False
        if self.policy.vocabulary.lists(name):
            self._organisms[name] = topic_of_organism(name, self.policy.vocabulary)
        return True

    def topic_of_organism(self, name: str, taxon_id: int) -> Topic | None:
        """Return what the organism of a sample reveals about a donor who carries it."""
        vocabulary = self.policy.vocabulary
        found = self._organisms[name] if name in self._organisms else topic_of_organism(name, vocabulary)
        other = topic_of_taxon(taxon_id, vocabulary) if taxon_id else None
        return max(found, other, key=lambda topic: topic.field_class) if found and other else found or other

    def keeps_contract(self, raw: RawSample, check: Callable[[], bool]) -> bool:
        """Return whether the fields outside the metadata satisfy the rules of the proto; call `check` if not cached.

        These rules depend only on the study, the sign of the taxonomy id and the lengths of texts, as a test verifies.
        So the cache need not contain any text of a donor.
        """
        subject, organism, collection_date = raw.subject, raw.organism, raw.collection_date
        shape = (raw.study, len(subject), len(organism), min(raw.taxon_id, 0), len(collection_date))
        if shape not in self._good_shapes:
            if not check():
                return False
            self._good_shapes[shape] = None
        return "\0" not in subject and "\0" not in organism and "\0" not in collection_date

    def classified(self, field: Field, stored: Scalar) -> Field:
        """Return the field of a stored value, with the class of this value."""
        if not field.is_classified:
            return field
        if field.action == "ontology" and isinstance(stored, str):
            return at_least(field, topic_of_id(stored, field, self.policy.vocabulary))
        if isinstance(stored, str) and stored[-1:] == "]":
            term, _, behind = stored.partition(" [")
            if (listed := self.values[field].get(term)) is not None and is_one_id(behind[:-1], self.policy.vocabulary):
                topic = topic_of_id(behind[:-1], field, self.policy.vocabulary)
                if topic is None or field.field_class == listed.field.field_class:
                    return at_least(listed.field, topic)
                # The term and its id may reveal more together than each alone.
        return classified(field, stored, self.policy.vocabulary)

    def classified_for(self, origin: Origin, field: Field, stored: Scalar) -> Field:
        """Return the field of a stored value whose class depends on the origin of its sample."""
        if isinstance(stored, str) and self.policy.vocabulary.missing.term(stored) is not None:
            return field
        if isinstance(stored, str) and field.field_class == _PUBLIC:
            if field.action == "ontology":
                if is_plain_id(stored, self.policy.vocabulary):
                    return field
            elif stored[-1:] == "]":
                term, _, id = stored[:-1].partition(" [")
                listed = self.values[field].get(term)
                if listed is not None and listed.by_origin is None and is_plain_id(id, self.policy.vocabulary):
                    return field
        return classified_for(origin, field, stored, self.policy.vocabulary)

    def _knows_but_for_id(self, field: Field, value: str) -> bool:
        """Return whether a value is a cached term followed by an ontology id: "feces [UBERON:0001988]"."""
        if field.action != "term" or len(value) > LONGEST_ENTRY:
            return False
        term, _, behind = value.partition(" [")
        known = term in self.values[field] and not may_hold_id(term)
        return known and is_one_id(behind[:-1], self.policy.vocabulary)

    def _remember(self, field: Field, value: str, stored: str) -> None:
        part = Sample(metadata={field.name: Value(string_value=stored)}).SerializeToString()
        vocabulary = self.policy.vocabulary
        listed = Listed(classified(field, stored, vocabulary), stored, squash(stored), part)
        if listed.field.varies:
            fields = {
                origin: classified_for(origin, listed.field, stored, vocabulary)
                for origin in (Origin.UNCLEAR, Origin.PERSON)
            }
            if any(other is not listed.field for other in fields.values()):
                by_origin = {origin: replace(listed, field=other) for origin, other in fields.items()}
                listed = replace(listed, by_origin=by_origin)
        self.values[field][value] = listed


# A function of the written and the stored form of a value. It returns both forms of the part that consists of listed
# words and so may be cached. The written form is empty if there is no such part.
ListedPart = Callable[[str, str, Policy], tuple[str, str]]


def _whole(value: str, stored: str, policy: Policy) -> tuple[str, str]:
    return value, stored


def _common(value: str, stored: str, policy: Policy) -> tuple[str, str]:
    return (value if stored != OTHER else "", stored)


def _country(value: str, stored: str, policy: Policy) -> tuple[str, str]:
    # Text after the name of a country may say where somebody lives.
    return (value if squash(value) in policy.vocabulary.countries else "", stored)


def _term(value: str, stored: str, policy: Policy) -> tuple[str, str]:
    term = without_ids(value, policy.vocabulary).strip(" []")
    is_listed = term and policy.vocabulary.lists(term) and not is_number_alone(term)
    return (term, term) if is_listed else ("", "")


def _organism(value: str, stored: str, policy: Policy) -> tuple[str, str]:
    return (value if policy.vocabulary.lists(value) else "", stored)


_LISTED_PARTS: Mapping[str, ListedPart] = {
    "vocabulary": _whole,
    "common": _common,
    "country": _country,
    "term": _term,
    "organism": _organism,
}
