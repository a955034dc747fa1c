"""The filter language: comparisons joined by AND, a subset of AIP-160. Pure: text in, comparisons out.

    organism = "human gut metagenome" AND metadata.age >= 30 AND state = INDEXED

A metadata name that is not a plain word is quoted: metadata."host age". There are no wildcards, and a value matches
only values of its own type.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from fairdatabase.filters.scanner import WORD, FilterError, Scanner
from fairdb.samples.v1.sample_pb2 import Sample

MAX_COMPARISONS = 10
LONGEST_TEXT = 499
"""Maximum length in characters. The search index stores one character more, so that comparing a text with the indexed
prefix gives the exact result."""

METADATA = "metadata."
_PLAIN_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*", re.ASCII)
EQUALITY = ("=", "!=")
ORDER = ("<", "<=", ">", ">=")

Value = str | float | bool | datetime | UUID | Sample.State.ValueType

_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_FIELD = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*\.?", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_ESCAPE = re.compile(r'\\(["\\])')
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition. Its value has the type of the field."""

    field: str
    """The name in the API: "organism", "metadata.age"."""
    operator: str
    value: Value


def parse(text: str) -> tuple[Comparison, ...]:
    """Return the comparisons, all of which must hold; an empty text has none. Raises FilterError."""
    if "\0" in text:
        raise FilterError(text.index("\0"), "no NUL character")
    scanner = Scanner(text)
    comparisons: list[Comparison] = []
    while not scanner.at_end():
        if comparisons:
            scanner.take_and()
        if len(comparisons) == MAX_COMPARISONS:
            raise FilterError(scanner.at, f"at most {MAX_COMPARISONS} comparisons")
        comparisons.append(_comparison(scanner))
    return tuple(comparisons)


def render(comparisons: Iterable[Comparison]) -> str:
    """Return a filter that `parse` reads as these comparisons."""
    return " AND ".join(
        f"{_render_field(comparison.field)} {comparison.operator} {_render_value(comparison)}"
        for comparison in comparisons
    )


def _render_field(field: str) -> str:
    name = field.removeprefix(METADATA)
    return field if name == field or _PLAIN_NAME.fullmatch(name) else METADATA + _quote(name)


def _render_value(comparison: Comparison) -> str:
    value = comparison.value
    if comparison.field == "state":
        return Sample.State.Name(cast(Sample.State.ValueType, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else _quote(str(value))


def _quote(text: str) -> str:
    return '"' + re.sub(r'["\\]', r"\\\g<0>", text) + '"'


def _comparison(scanner: Scanner) -> Comparison:
    field = _field(scanner)
    read, operators = _KINDS.get(field, (_scalar, (*EQUALITY, *ORDER)))
    at = scanner.at
    operator = scanner.take(_OPERATOR)
    if operator not in operators:
        raise FilterError(at, "one of " + " ".join(operators))
    at = scanner.at
    value = read(scanner)
    if isinstance(value, bool) and operator not in EQUALITY:
        raise FilterError(at, "a string or a number: booleans have no order")
    return Comparison(field, operator, value)


def _field(scanner: Scanner) -> str:
    start = scanner.at
    if scanner.peek(WORD) == "NOT" or scanner.peek(re.compile(r"[-(]")):
        raise FilterError(start, "a field (NOT and parentheses are not supported)")
    name = scanner.take(_FIELD, skip_space=False) or ""
    if name == METADATA:
        at = scanner.at
        quoted = scanner.take(_STRING)
        if quoted is None or quoted == '""':
            raise FilterError(at, "the name of a metadata field")
        return METADATA + _unquote(quoted)
    scanner.take(re.compile(r"\s+"))
    if name in _KINDS or (name.startswith(METADATA) and not name.endswith(".")):
        return name
    raise FilterError(start, f"a field: {', '.join(_KINDS)} or metadata.<name>")


def _unquote(quoted: str) -> str:
    return _ESCAPE.sub(r"\1", quoted[1:-1])


def _text(scanner: Scanner) -> str:
    start = scanner.at
    quoted = scanner.take(_STRING)
    if quoted is None:
        raise FilterError(start, 'a string in double quotes, in which \\" and \\\\ stand for " and \\')
    text = _unquote(quoted)
    if len(text) > LONGEST_TEXT:
        raise FilterError(start, f"a string of at most {LONGEST_TEXT} characters")
    return text


def _word(scanner: Scanner) -> str:
    """Return the next word, quoted or not."""
    quoted = scanner.take(_STRING)
    return _unquote(quoted) if quoted is not None else scanner.take(WORD) or ""


def _number(scanner: Scanner) -> float:
    start = scanner.at
    word = scanner.take(WORD) or ""
    value = float(word) if _NUMBER.fullmatch(word) else math.nan
    if not math.isfinite(value):
        raise FilterError(start, "a number")
    return value


def _scalar(scanner: Scanner) -> str | float | bool:
    if scanner.peek(_STRING) is not None:
        return _text(scanner)
    if scanner.peek(WORD) in ("true", "false"):
        return scanner.take(WORD) == "true"
    start = scanner.at
    try:
        return _number(scanner)
    except FilterError:
        raise FilterError(start, "a string in double quotes, a number, true or false") from None


def _uuid(scanner: Scanner) -> UUID:
    start = scanner.at
    try:
        return UUID(_text(scanner))
    except ValueError:
        raise FilterError(start, "a UUID in double quotes") from None


def _state(scanner: Scanner) -> Sample.State.ValueType:
    start = scanner.at
    name = "STATE_" + _word(scanner).removeprefix("STATE_")
    if Sample.State.DESCRIPTOR.values_by_name.get(name) is None or name == "STATE_UNSPECIFIED":
        raise FilterError(start, "one of STORED, INDEXED, PROCESSED, QUARANTINED")
    return Sample.State.Value(name)


def _time(scanner: Scanner) -> datetime:
    start = scanner.at
    word = _word(scanner)
    try:
        if not _TIME.fullmatch(word):
            raise ValueError
        return datetime.fromisoformat(word.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(start, "an RFC 3339 time such as 2026-01-31T12:00:00Z") from None


_KINDS: dict[str, tuple[Callable[[Scanner], Value], tuple[str, ...]]] = {
    "organism": (_text, (*EQUALITY, *ORDER)),
    "taxonId": (_number, (*EQUALITY, *ORDER)),
    "collectionDate": (_text, (*EQUALITY, *ORDER)),
    "study": (_uuid, EQUALITY),
    "subject": (_text, EQUALITY),
    "state": (_state, EQUALITY),
    "owner": (_uuid, EQUALITY),
    "createTime": (_time, (*EQUALITY, *ORDER)),
}
