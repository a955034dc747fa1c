"""Values: the metadata of a raw sample, each name resolved to the policy's field and each value clean."""

from operator import attrgetter
from typing import NamedTuple

from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.text.scalars import Scalar, are_clean, read
from fairdb.samples.v1.sample_pb2 import RawSample

Given = tuple[str, Field | None, Scalar | None]
"""A name as its sender wrote it, the policy's field or None if it is unknown, and a clean value or None if blank."""
Refusals = dict[str, str]
"""Why a field must be corrected, by the name that its sender wrote."""

_TEXT = attrgetter("string_value")
_TWICE = "is given twice, under two names; send one of them"
_KEEP_NO_VALUE = frozenset(("drop", "unit", "subject"))


class Values(NamedTuple):
    """What a raw sample's metadata says."""

    given: list[Given]
    refused: Refusals
    questionable: list[str]
    """Names of fields that may break a rule of the proto, by their name or value. No other field can."""


def read_values(raw: RawSample, memo: Memo) -> Values:
    """Resolve the names of the metadata and read its values."""
    metadata = raw.metadata
    names = list(metadata)
    fields = list(map(memo.names.get, names))
    questionable: list[str] = []
    if None in fields:
        fields = list(map(memo.resolve, names))
        # An unlisted name is checked each time: it is not remembered, so nothing is known about it.
        questionable = [name for name in names if name not in memo.names]
    values = list(map(metadata.__getitem__, names))
    texts: list[str] = list(map(_TEXT, values))
    all_clean = are_clean(texts)
    given: list[Given] = []
    refused: Refusals = {}
    if all_clean and all(texts):
        # Many sheets hold nothing else: there is nothing to read.
        given += zip(names, fields, texts, strict=True)
    else:
        for name, field, value, text in zip(names, fields, values, texts, strict=True):
            if text and all_clean:
                given.append((name, field, text))
                continue
            if "\0" in text:
                questionable.append(name)
            try:
                given.append((name, field, read(value)))
            except ValueError as problem:
                questionable.append(name)
                refused[name] = str(problem)
    if len(set(fields)) < len(fields):
        given, repeated = _split_repeats(given)
        refused |= repeated
    return Values(given, refused, questionable)


def _split_repeats(given: list[Given]) -> tuple[list[Given], Refusals]:
    """Return the fields without those that repeat an earlier one under another name, and why those are refused."""
    seen: set[str] = set()
    once: list[Given] = []
    repeated: Refusals = {}
    for entry in given:
        name, field, _ = entry
        if field is None or field.action in _KEEP_NO_VALUE:
            once.append(entry)
        elif field.name in seen:
            repeated[name] = _TWICE
        else:
            seen.add(field.name)
            once.append(entry)
    return once, repeated
