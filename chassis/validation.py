"""Rules that the protos state (buf.validate), as field violations that never quote a value."""

from google.protobuf.message import Message
from protovalidate import Validator

from chassis.errors import InvalidRequest, Violation

_validator = Validator()


def violations_of(message: Message, prefix: str = "") -> list[Violation]:
    """Return every rule that the message breaks, fields in the API's lowerCamelCase."""
    found: list[Violation] = []
    for violation in _validator.collect_violations(message):
        field = violation.proto.field
        path = ".".join(_element(element) for element in field.elements) if field is not None else ""
        found.append(Violation(f"{prefix}{path}", violation.proto.message or "is not valid"))
    return found


def _element(element) -> str:
    name, *rest = element.field_name.split("_")
    camel = name + "".join(part.capitalize() for part in rest)
    subscript = element.subscript
    return f"{camel}.{subscript.value}" if subscript is not None else camel


def check(message: Message) -> None:
    """Raise InvalidRequest when the message breaks a rule."""
    violations = violations_of(message)
    if violations:
        raise InvalidRequest(violations=violations)
