"""Fields: the fields of the policy, and the look-up of a field by a name that a sender writes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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
    unit: str = ""
    read_in: str = ""
    unit_field: str = ""
    width: int = 0
    bottom: float | None = None
    top: float = 0
    lowest: float = float("-inf")
    highest: float = float("inf")
    digits: int = 3
    # The field's name in the API: "metadata.age".
    path: str = field(init=False)
    # Whether its value is stored under its name, in any form.
    is_stored: bool = field(init=False)
    # Whether the class depends on the value: a sensitive term with an unknown word is restricted.
    may_become_restricted: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"metadata.{self.name}")
        object.__setattr__(self, "is_stored", self.action not in _NOT_STORED)
        is_sensitive = self.field_class == FieldClass.FIELD_CLASS_SENSITIVE
        object.__setattr__(self, "may_become_restricted", is_sensitive and self.action == "term")


class Policy:
    """The fields of the policy, found by the names that senders write."""

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
        self._ontology = {name: _ontology_field(field) for name, field in self.fields.items()}

    def all_fields(self) -> Iterator[Field]:
        """Yield every field, including those for ontology ids."""
        yield from self.fields.values()
        yield from self._ontology.values()

    def resolve(self, name: str) -> Field | None:
        """Return the field that a sender means by a name, or None if the policy does not know the name."""
        return self.match(name)[0]

    def match(self, name: str) -> tuple[Field | None, bool]:
        """Return the field that a sender means, and whether the policy lists the name instead of matching a pattern."""
        squashed = squash(name)
        field = self._find(squashed)
        if field is not None:
            return field, True
        return next((field for pattern, field in self._patterns if pattern.search(squashed)), None), False

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
