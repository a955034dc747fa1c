"""Values: reads the metadata of a raw sample: resolves each name to a field of the policy and cleans each value."""

from operator import attrgetter
from typing import NamedTuple

from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.text.scalars import Scalar, are_clean, read
from fairdb.samples.v1.sample_pb2 import RawSample

Given = tuple[str, Field | None, Scalar | None]
"""A name as its sender wrote it, the policy's field or None if unknown, and the clean value or None if blank."""
Refusals = dict[str, str]
"""Why a field must be corrected, by the name that its sender wrote."""

_TEXT = attrgetter("string_value")
_TWICE = "is given twice, under two names; send one of them"
_KEEP_NO_VALUE = frozenset(("drop", "unit", "subject"))


class Values(NamedTuple):
    """The metadata of a raw sample."""

    given: list[Given]
    refused: Refusals
    questionable: list[str]
    """Names of the fields that may break a rule of the proto. All other fields are known to satisfy the rules."""


def read_values(raw: RawSample, memo: Memo) -> Values:
    """Resolve the names of the metadata and read its values."""
    metadata = raw.metadata
    names = list(metadata)
    fields = list(map(memo.names.get, names))
    questionable: list[str] = []
    if None in fields:
        fields = list(map(memo.resolve, names))
        # An unlisted name is not cached, so it must be checked each time.
        questionable = [name for name in names if name not in memo.names]
    values = list(map(metadata.__getitem__, names))
    texts: list[str] = list(map(_TEXT, values))
    all_clean = are_clean(texts)
    given: list[Given] = []
    refused: Refusals = {}
    if all_clean and all(texts):
        # The common case: all values are clean text, so they need not be read one by one.
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
    """Return the fields without repeats of an earlier field under another name, and refusals for the repeats."""
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
