"""Fields: the fields of the policy, and the look-up of a field by a name that a sender writes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fairdatabase.policy.tables.titles import Reading, Title, read_title, reading_of
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import squash
from fairdb.privacy.v1.field_class_pb2 import FieldClass

# Values stored by these actions reveal as much as their ontology id. For all other actions, storing the id would reveal
# what the action removed.
_ONTOLOGY_FOLLOWS = frozenset(("term", "vocabulary", "country", "organism"))
_ONTOLOGY_SUFFIX = "ontologytermid"
# The field classes by their name in policy.toml.
CLASSES = {
    "direct": FieldClass.FIELD_CLASS_UNSPECIFIED,
    "quasi": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
    "sensitive": FieldClass.FIELD_CLASS_SENSITIVE,
    "restricted": FieldClass.FIELD_CLASS_RESTRICTED,
    "public": FieldClass.FIELD_CLASS_PUBLIC,
}
CLASS_NAMES = {field_class: name for name, field_class in CLASSES.items()}
_NOT_STORED = frozenset(("drop", "unit", "subject"))
# Actions whose values may have a unit or a form that is written into the title.
_READ_BY_UNIT = frozenset(("number", "measurements"))
_DEGREES = frozenset(("c", "f"))
# The units that a title of a band may give, by the band's unit.
_UNITS_OF_BANDS = {
    "years": frozenset(("years", "months", "weeks", "days")),
    "cm": frozenset(("m", "cm", "mm", "in", "ft")),
    "kg": frozenset(("kg", "g", "lb")),
    "kg/m2": frozenset(("kg/m2",)),
}
_READ_BY_FORM = frozenset(("vocabulary", "common", "term", "year"))
# Values of these classes get a higher class if their words or ids reveal more. Values of the other actions are numbers,
# or texts that the policy lists.
_LOWER_CLASSES = (FieldClass.FIELD_CLASS_PUBLIC, FieldClass.FIELD_CLASS_QUASI_IDENTIFIER)
_OF_WORDS = frozenset(("term", "ontology", "organism", "study", "sequence", "pattern"))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of the policy. Numbers are in `unit` if it has one."""

    name: str
    field_class: FieldClass.ValueType
    action: str
    why: str
    says: str = ""
    identifies: str = ""
    # The name of the field whose ontology ids this field contains.
    follows: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    pattern: re.Pattern[str] | None = None
    # Values that are not searched for identifiers, because their digits have a place of their own.
    certain: re.Pattern[str] | None = None
    unit: str = ""
    # The units of a number that is stored as it is. If there are several, the value is stored with its unit.
    units: tuple[str, ...] = ()
    read_in: str = ""
    unit_field: str = ""
    width: int = 0
    bottom: float | None = None
    top: float = 0
    lowest: float = float("-inf")
    highest: float = float("inf")
    digits: int = 3
    # The class of a number of a sample that is, or may be, of a person.
    class_of_person: FieldClass.ValueType = FieldClass.FIELD_CLASS_UNSPECIFIED
    # Whether the class was raised because of a value.
    is_raised: bool = False
    # The field's name in the API: "metadata.age".
    path: str = field(init=False)
    # Whether its value is stored under its name, in any form.
    is_stored: bool = field(init=False)
    # Whether a value may have a higher class than the field: a public term with a word for a disease is sensitive.
    is_classified: bool = field(init=False)
    # Whether the class also depends on whether the sample is of a person.
    varies: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"metadata.{self.name}")
        object.__setattr__(self, "is_stored", self.action not in _NOT_STORED)
        is_lower = self.field_class in _LOWER_CLASSES and self.action in _OF_WORDS
        is_sensitive_term = self.field_class == FieldClass.FIELD_CLASS_SENSITIVE and self.action == "term"
        object.__setattr__(self, "is_classified", is_lower or is_sensitive_term)
        is_public = self.field_class == FieldClass.FIELD_CLASS_PUBLIC
        has_plain_values = is_lower and (self.action == "term" or (self.action == "ontology" and is_public))
        object.__setattr__(self, "varies", has_plain_values or self.class_of_person > self.field_class)


class Match(NamedTuple):
    """The field that a sender means by a title."""

    field: Field | None
    """None if the policy does not know the title."""
    is_listed: bool = False
    """Whether the policy lists the name in the title, so that nothing in the title can identify anybody."""
    reading: Reading | None = None
    """How to read the values under this title, if not as under the field's own name."""


class Policy:
    """The fields of the policy, found by the names that senders write."""

    def __init__(
        self,
        *,
        version: str,
        spellings: dict[str, Field],
        translations: dict[str, Reading],
        prefixes: tuple[str, ...],
        patterns: tuple[tuple[re.Pattern[str], Field], ...],
        question: Field,
        vocabulary: Vocabulary,
    ) -> None:
        self.version = version
        self.fields = {field.name: field for field in spellings.values()}
        self.vocabulary = vocabulary
        self._spellings = spellings
        self._translations = translations
        self._prefixes = prefixes
        self._patterns = patterns
        self._question = question
        self._ontology = {name: _ontology_field(field) for name, field in self.fields.items()}

    def all_fields(self) -> Iterator[Field]:
        """Yield every field, including those for ontology ids."""
        yield from self.fields.values()
        yield from self._ontology.values()

    def resolve(self, title: str) -> Field | None:
        """Return the field that a sender means by a title: a listed field, else a question, else None."""
        if (found := self.listed(title)) is not None:
            return found
        question = self.vocabulary.questions.name(title)
        return self.question(question) if question else None

    def listed(self, title: str) -> Field | None:
        """Return the listed field that a sender means by a title, or None if the policy does not list the title."""
        return self.match(title).field

    def match(self, title: str) -> Match:
        """Return the field that a sender means by a title, and how to read the values under it."""
        squashed = squash(title)
        if (found := self._find(squashed)) is not None:
            return found
        for reading in read_title(title):
            if (found := self._find(squash(reading.name))) is None or found.field is None:
                continue
            if not _suits(reading, found.field):
                continue
            how = _combined(reading_of(reading), found.reading)
            # The labels of codes may be any text: "1=male, 2=female".
            return Match(found.field, not (how and how.codes) or how is found.reading, how)
        return Match(next((field for pattern, field in self._patterns if pattern.search(squashed)), None))

    def question(self, name: str) -> Field:
        """Return the field of a question that the policy does not list."""
        return replace(self._question, name=name)

    def _find(self, squashed: str) -> Match | None:
        found = self._spellings.get(squashed)
        if found is None and squashed.endswith(_ONTOLOGY_SUFFIX):
            base = self._find(squashed.removesuffix(_ONTOLOGY_SUFFIX))
            ontology = base and base.field and self._ontology.get(base.field.name)
            return Match(ontology, True) if ontology else None
        if found is None:
            for prefix in self._prefixes:
                if squashed.startswith(prefix) and (found := self._spellings.get(squashed[len(prefix) :])):
                    squashed = squashed[len(prefix) :]
                    break
        return Match(found, True, self._translations.get(squashed)) if found else None


def _combined(own: Reading | None, translation: Reading | None) -> Reading | None:
    """Return how to read values under a title that has a coding of its own, "(1=m, 2=w)", or translated values."""
    if own is None or translation is None or not own.codes:
        return translation or own
    codes = {code: translation.codes.get(squash(label), label) for code, label in own.codes.items()}
    return replace(own, codes=codes)


def _suits(title: Title, field: Field) -> bool:
    """Return whether a field's values may have the unit or form that a title gives.

    With a unit that does not suit, the title asks another question: "smoking (years)".
    """
    if field.action == "drop" and title.is_bracketed:
        return True
    if not title.is_understood:
        return False
    if title.unit:
        if field.action == "band":
            return title.unit in _UNITS_OF_BANDS[field.unit]
        return field.action in _READ_BY_UNIT or (field.action == "term" and title.unit in _DEGREES)
    return not title.form or field.action in _READ_BY_FORM


def _ontology_field(base: Field) -> Field:
    action = "ontology" if base.action in _ONTOLOGY_FOLLOWS else "drop"
    name = f"{base.name}_ontology_term_id"
    return Field(
        name=name,
        field_class=base.field_class,
        action=action,
        why=base.why,
        says="kept",
        identifies=base.identifies,
        follows=base.name,
    )
