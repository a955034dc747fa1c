"""Drops: why a field of a record is not stored. A sample can be stored without its dropped fields."""

from enum import Enum, auto
from typing import NamedTuple


class Cause(Enum):
    """Why a field is dropped."""

    UNKNOWN = auto()
    """The policy does not know the field."""
    RULE = auto()
    """The policy never stores the field."""
    VALUE = auto()
    """The value cannot be read, or contains a word that the field's rule does not permit."""
    IDENTIFIER = auto()
    """The value contains an identifier that the same record declares."""
    REPEAT = auto()
    """Another name of the same field has a different value, which is stored."""


class Dropped(NamedTuple):
    """A decision not to store a field."""

    cause: Cause
    reason: str
    """A fixed text for the sender. It says what to correct if that is possible, and never quotes the value."""


UNKNOWN = Dropped(Cause.UNKNOWN, "The policy does not know this field. Unknown fields are not stored.")
IDENTIFYING = Dropped(Cause.IDENTIFIER, "contains an identifier that the sample gives elsewhere; leave it out")
NOBODY = Dropped(Cause.VALUE, "fits many donors; write the code of the donor")
REPEATED = Dropped(
    Cause.REPEAT, "has another value than a field of the same meaning, which is stored; send one of them"
)
