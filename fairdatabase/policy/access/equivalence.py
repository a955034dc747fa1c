"""Equivalence classes: the samples of a study that share all of their quasi-identifiers.

The readers of a study see quasi-identifiers only where the class holds at least k donors. The class has all
quasi-identifiers together: if each were judged alone, a reader could still combine them.
docs/decisions/readers.md explains the rule.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_QUASI_IDENTIFIER

SUBJECT = "subject"
"""The field that contains the donor's pseudonym. Each donor has another one, so it is not a part of the class."""
DEFAULT_READER_K = 5
NO_LIMIT = 1
"""The k of a study whose readers see all quasi-identifiers."""


class ClassSize(NamedTuple):
    """The donors of an equivalence class."""

    donors: int = 0
    """Distinct pseudonyms. A sample without a donor may be from any of them, so it does not count as a further one."""
    is_linked: bool = False
    """Whether a donor of the class also has samples in other classes. Pseudonyms would then link the classes."""

    def admits(self, k: int, field: str = "") -> bool:
        """Return whether readers who need `k` donors see the quasi-identifiers of the class, or this one of them."""
        return k <= NO_LIMIT or (k <= self.donors and not (field == SUBJECT and self.is_linked))


def quasi_identifiers(classes: Mapping[str, int]) -> list[str]:
    """Return the names of the fields whose values decide to which equivalence class a sample belongs."""
    return [name for name, found in classes.items() if found == FIELD_CLASS_QUASI_IDENTIFIER and name != SUBJECT]


def class_id(study: UUID, values: Mapping[str, str | float | bool | None]) -> UUID:
    """Return the equivalence class of a study's samples with these quasi-identifiers, by their names in the API.

    The id is a hash of 128 bits. It depends on the values as a reader sees them, and not on their order.
    """
    # A whole number may have been stored as an integer, and is the same number.
    same = {name: float(value) if type(value) is int else value for name, value in values.items()}
    text = json.dumps(same, sort_keys=True)
    return UUID(bytes=hashlib.blake2b(study.bytes + text.encode(), digest_size=16).digest())
