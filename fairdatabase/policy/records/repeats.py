"""Repeats: fields of a record whose names mean the same field of the policy. One of them is stored."""

import math
import re
from typing import NamedTuple

from fairdatabase.policy.records.drops import REPEATED, Dropped
from fairdatabase.policy.records.memo import Listed
from fairdatabase.policy.records.rules import OTHER
from fairdatabase.policy.records.sorting import Stored
from fairdatabase.policy.tables.missing import MissingTerms
from fairdatabase.policy.text.characters import squash
from fairdatabase.policy.text.scalars import Scalar, plain

# "30-39", "2001/2002", "<40", "90+", "0-9 years".
_BAND = re.compile(r"<\d+(?!\S)|\d+\+(?!\S)|(?P<low>\d+)[-/](?P<high>\d+)(?!\S)", re.ASCII)
# Values that say less than any other value of their field.
_VAGUE = frozenset(("yes", "no", OTHER))


class Merged(NamedTuple):
    """The stored values of a record, one for each field of the policy."""

    listed: list[tuple[str, Listed]]
    values: list[Stored]
    equal: frozenset[str]
    """Names of fields that are not stored because another name has the same value, or has a value at all."""
    dropped: dict[str, Dropped]
    """Fields that are not stored because another name has a different value."""


def merge_repeats(listed: list[tuple[str, Listed]], values: list[Stored], missing: MissingTerms) -> Merged:
    """Keep one of the values that a field has under several names.

    A value wins over a missing-value term, and a specific value over "yes", "no" and "other". Between two of the same
    kind, the value under the policy's own name wins, else the narrower band, else the value of the first name.
    """
    by_field: dict[str, list[tuple[str, Scalar]]] = {}
    for name, text in listed:
        by_field.setdefault(text.field.name, []).append((name, text.stored))
    for name, field, value in values:
        by_field.setdefault(field.name, []).append((name, value))
    equal: set[str] = set()
    dropped: dict[str, Dropped] = {}
    for field_name, repeats in by_field.items():
        if len(repeats) > 1:
            winner, stored = min(repeats, key=lambda repeat: _rank(repeat, field_name, missing))
            for name, value in repeats:
                if name != winner and (value == stored or _is_missing(value, missing)):
                    equal.add(name)
                elif name != winner:
                    dropped[name] = REPEATED
    lost = equal | set(dropped)
    return Merged(
        [item for item in listed if item[0] not in lost],
        [item for item in values if item[0] not in lost],
        frozenset(equal),
        dropped,
    )


def _rank(repeat: tuple[str, Scalar], field_name: str, missing: MissingTerms) -> tuple[bool, bool, bool, float, str]:
    """Return the sort key of a value: the first one is stored."""
    name, value = repeat
    is_vague = isinstance(value, bool) or plain(value).lower() in _VAGUE
    return _is_missing(value, missing), is_vague, squash(name) != squash(field_name), _width(value), name


def _width(value: Scalar) -> float:
    """Return the width of a band or interval as the platform writes it, 0 for any other value."""
    match = _BAND.match(value) if isinstance(value, str) else None
    if match is None:
        return 0
    return float(match["high"]) - float(match["low"]) if match["high"] else math.inf


def _is_missing(value: Scalar, missing: MissingTerms) -> bool:
    return isinstance(value, str) and missing.term(value) is not None
