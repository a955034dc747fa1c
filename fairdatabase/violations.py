"""Violations: the validation rules (buf.validate) that a message breaks, by field and without values."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from protovalidate import Validator

NO_NUL = "must not contain the character NUL"
_validator = Validator()


class Violation(NamedTuple):
    """One field of a request that breaks a rule, and how to correct it. Never quotes the value."""

    field: str
    """Path in the API's lowerCamelCase: "sample.organism"."""
    description: str


def violations_of(
    message: Message,
    path: str = "",
    map_path: Callable[[str], str] | None = None,
    *,
    look_for_nul: bool = True,
) -> list[Violation]:
    """Return every validation rule that a message breaks, and every field that contains the character NUL.

    `path` is the path of the message itself. `map_path` returns the path to show for the key of a map.
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
    if look_for_nul and b"\0" in message.SerializeToString():
        # The zero byte may be part of a number, so check each text.
        found += [Violation(field, NO_NUL) for field in _fields_with_nul(message, path)]
    return found


def _fields_with_nul(message: Message, path: str) -> Iterator[str]:
    """Yield the paths of texts with a NUL, which PostgreSQL cannot store. A map entry has the path of the map."""
    for field, value in message.ListFields():
        shown = f"{path}.{field.json_name}".lstrip(".")
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            # Look values up by key: `items()` is slow for a map of messages.
            inside = any("\0" in str(key) or _has_nul(value[key]) for key in value)
            yield from [shown] if inside else []
        elif field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                yield from _fields_with_nul(item, shown)
        elif any(_has_nul(item) for item in (value if field.is_repeated else [value])):
            yield shown


def _has_nul(value: object) -> bool:
    if isinstance(value, Value) and (kind := value.WhichOneof("kind")) not in ("struct_value", "list_value"):
        # The common case: four times as fast as the general check below.
        return kind == "string_value" and "\0" in value.string_value
    if isinstance(value, Message):
        return any(True for _ in _fields_with_nul(value, ""))
    return isinstance(value, str) and "\0" in value


def _lower_camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
