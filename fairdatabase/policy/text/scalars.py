"""Scalars: the values that a field may have, read from the wire and written as text."""

import math

from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.text.characters import clean

Scalar = str | float | bool
_LONGEST = 4000
_PRINTABLE = bytes(range(ord(" "), 127))


def read(value: Value) -> Scalar | None:
    """Return a clean scalar, None for null and empty text. Raises ValueError, which says what to correct."""
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        if math.isnan(number):
            return None
        if math.isinf(number):
            raise ValueError("must be a finite number")
        return number
    if kind == "string_value":
        return read_text(value.string_value)
    if kind == "bool_value":
        return value.bool_value
    if kind in ("struct_value", "list_value"):
        raise ValueError("must be text, a number, true, false or null")
    return None


def are_clean(texts: list[str]) -> bool:
    """Return True if one cheap check shows that all texts are clean. On False, each text must be cleaned."""
    # The separators make spaces at the start or end of a text visible to the checks below.
    joined = f"|{'|'.join(texts)}|"
    if len(joined) > _LONGEST or not joined.isascii() or "  " in joined or "| " in joined or " |" in joined:
        return False
    return not joined.encode().translate(None, _PRINTABLE)


def read_text(written: str) -> str | None:
    """Return the clean text, or None if nothing is left. Raises ValueError, which says what to correct."""
    # The length is checked again after cleaning, which may turn one character into several.
    text = clean(written) if len(written) <= _LONGEST else None
    if text is None or len(text) > _LONGEST:
        raise ValueError(f"must be at most {_LONGEST} characters long")
    return text or None


def plain(value: Scalar) -> str:
    """Return a value as text. A whole number has no decimal point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
