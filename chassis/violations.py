"""Rules that the protos state (buf.validate), as violations: which field, what to mend, and never a value."""

from collections.abc import Callable
from typing import NamedTuple

from google.protobuf.message import Message
from protovalidate import Validator

_validator = Validator()


class Violation(NamedTuple):
    """One field of a request that breaks a rule, and how to mend it. Never quotes the value."""

    field: str
    """Path in the API's lowerCamelCase: "sample.organism"."""
    description: str


def violations_of(message: Message, path: str = "", map_path: Callable[[str], str] | None = None) -> list[Violation]:
    """Return every rule of its proto that a message breaks.

    `path` is the message's own; `map_path` gives the path that stands for a map's key, where that may not be shown.
    """
    found: list[Violation] = []
    for violation in _validator.collect_violations(message):
        shown = path
        for element in violation.proto.field.elements if violation.proto.field else ():
            shown = f"{shown}.{_lower_camel(element.field_name or '')}".lstrip(".")
            if element.subscript is not None:
                key = str(element.subscript.value)
                shown = map_path(key) if map_path else f"{shown}.{key}"
        found.append(Violation(shown, violation.proto.message or "is not valid"))
    return found


def _lower_camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
