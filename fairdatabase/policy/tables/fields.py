"""Fields: what the policy says of each, and how the names that senders write find them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import squash
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_pb2 import Sample

# What stays of these tells no more than their ontology id does; of all others the id would undo the action.
_ONTOLOGY_FOLLOWS = frozenset(("term", "vocabulary", "country", "organism"))
_ONTOLOGY_SUFFIX = "ontologytermid"
# The class of a field by the policy's word for it.
CLASSES = {
    "direct": FieldClass.FIELD_CLASS_UNSPECIFIED,
    "quasi": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
    "sensitive": FieldClass.FIELD_CLASS_SENSITIVE,
    "restricted": FieldClass.FIELD_CLASS_RESTRICTED,
    "public": FieldClass.FIELD_CLASS_PUBLIC,
}
CLASS_NAMES = {field_class: name for name, field_class in CLASSES.items()}
_NAMES_CACHED = 4096
# A longer name is looked up each time; every one that is remembered has a length that the proto permits.
_LONGEST_REMEMBERED = 64
_VALUES_CACHED = 1024
_NOT_JUDGED = frozenset(("drop", "unit", "subject", "year"))


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """What is stored for a text of listed words, in the forms in which every sample that holds it needs it."""

    stored: str
    squashed: str
    # The sample that holds nothing else, serialised: put behind others it is merged with them.
    part: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of the policy; numbers are in `unit` where there is one."""

    name: str
    field_class: FieldClass.ValueType
    action: str
    why: str
    says: str = ""
    identifies: str = ""
    # The field whose ontology ids this one holds.
    follows: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = None
    unit: str = ""
    read_in: str = ""
    unit_field: str = ""
    width: int = 0
    bottom: float | None = None
    top: float = 0
    lowest: float = float("-inf")
    highest: float = float("inf")
    digits: int = 3
    # A text of this form is kept as it is.
    kept: re.Pattern[str] | None = None
    # In the API: "metadata.age".
    path: str = field(init=False)
    # Whether a rule judges its text, which says nothing about other fields.
    is_judged: bool = field(init=False)
    # Texts that consist of nothing but what the policy and the vocabulary list, by how they were written. No value that
    # only has the right form is remembered: it may be somebody's.
    listed: dict[str, Listed] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"metadata.{self.name}")
        object.__setattr__(self, "is_judged", self.action not in _NOT_JUDGED)

    def remember(self, written: str, stored: str) -> None:
        """Remember what is stored for a text of listed words only."""
        if len(written) <= _LONGEST_REMEMBERED:
            if len(self.listed) >= _VALUES_CACHED:
                self.listed.clear()
            part = Sample(metadata={self.name: Value(string_value=stored)}).SerializeToString()
            self.listed[written] = Listed(stored, squash(stored), part)


class Policy:
    """Fields by the names that senders give them."""

    def __init__(
        self,
        *,
        version: str,
        spellings: dict[str, Field],
        prefixes: tuple[str, ...],
        patterns: tuple[tuple[re.Pattern[str], Field], ...],
        vocabulary: Vocabulary,
    ) -> None:
        self.version = version
        self.fields = {field.name: field for field in spellings.values()}
        self.vocabulary = vocabulary
        self._spellings = spellings
        self._prefixes = prefixes
        self._patterns = patterns
        self._ontology = {name: _ontology_field(field, vocabulary) for name, field in self.fields.items()}
        self._resolved: dict[str, Field] = {}
        # The names that were resolved before, all listed spellings: such a name breaks no rule of the proto.
        self.remembered: Mapping[str, Field] = self._resolved

    def resolve(self, name: str) -> Field | None:
        """Return the field that a sender means, None when the policy does not know it."""
        found = self._resolved.get(name)
        if found is None:
            squashed = squash(name)
            found = self._find(squashed)
            if found is None:
                return next((field for pattern, field in self._patterns if pattern.search(squashed)), None)
            # Only spellings that the policy lists are remembered: another name may hold somebody's.
            if len(name) <= _LONGEST_REMEMBERED and name.isprintable():
                if len(self._resolved) >= _NAMES_CACHED:
                    self._resolved.clear()
                self._resolved[name] = found
        return found

    def _find(self, squashed: str) -> Field | None:
        found = self._spellings.get(squashed)
        if found is None and squashed.endswith(_ONTOLOGY_SUFFIX):
            base = self._find(squashed.removesuffix(_ONTOLOGY_SUFFIX))
            return self._ontology[base.name] if base and base.name in self._ontology else None
        if found is None:
            for prefix in self._prefixes:
                if squashed.startswith(prefix) and (found := self._spellings.get(squashed[len(prefix) :])):
                    return found
        return found


def _ontology_field(base: Field, vocabulary: Vocabulary) -> Field:
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
        kept=vocabulary.short_id if action == "ontology" else None,
    )
