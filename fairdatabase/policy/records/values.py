"""Values: reads the metadata of a raw sample: resolves each name to a field of the policy and cleans each value."""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import NamedTuple

from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.missing import MissingTerms
from fairdatabase.policy.tables.titles import Reading, names_fields_in_values
from fairdatabase.policy.text.characters import clean
from fairdatabase.policy.text.scalars import Scalar, are_clean, read
from fairdb.samples.v1.sample_pb2 import RawSample

Given = tuple[str, Field | None, Scalar | None]
"""A name as its sender wrote it, the policy's field or None if unknown, and the clean value or None if blank."""

_TEXT = attrgetter("string_value")
_LONGEST_EVIDENCE = 4000


class Values(NamedTuple):
    """The metadata of a raw sample."""

    given: list[Given]
    unreadable: dict[str, str]
    """Why the value of a field cannot be read, by the name that its sender wrote."""
    questionable: list[str]
    """Names of the fields that may break a rule of the proto. All other fields are known to satisfy the rules."""
    may_repeat: bool
    """Whether two names may mean the same field of the policy."""
    fields: frozenset[Field | None]
    """The fields that the names and values mean."""


def read_values(raw: RawSample, memo: Memo) -> Values:
    """Resolve the names of the metadata and read its values."""
    metadata = raw.metadata
    names = list(metadata)
    fields = list(map(memo.names.get, names))
    questionable: list[str] = []
    readings: dict[str, Reading] = {}
    naming: list[str] = []
    if None in fields:
        matches = list(map(memo.match, names))
        fields = [match.field for match in matches]
        readings = {name: match.reading for name, match in zip(names, matches, strict=True) if match.reading}
        naming = [name for name in names if names_fields_in_values(name)]
        # An unlisted name is not cached, so it must be checked each time.
        questionable = [name for name in names if name not in memo.names]
    values = list(map(metadata.__getitem__, names))
    texts: list[str] = list(map(_TEXT, values))
    given: list[Given] = list(zip(names, fields, texts, strict=True))
    unreadable: dict[str, str] = {}
    skipped: list[int] = []
    # Most values are clean text, so they need not be read one by one.
    for at in [at for at, text in enumerate(texts) if not text] if are_clean(texts) else range(len(texts)):
        name, field, value = names[at], fields[at], values[at]
        if "\0" in texts[at]:
            questionable.append(name)
        try:
            given[at] = (name, field, read(value))
        except ValueError as problem:
            questionable.append(name)
            unreadable[name] = str(problem)
            if field is None or not field.is_stored or field.action == "answer":
                # The value may identify the donor, so its texts are erased from the other values.
                evidence = "\n".join(_texts(value))[:_LONGEST_EVIDENCE]
                given[at] = (name, None if field and field.is_stored else field, evidence)
            else:
                skipped.append(at)
    for at in reversed(skipped):
        del given[at]
    if naming:
        given = [_find_in_value(*item, memo, readings) if item[0] in naming else item for item in given]
    if readings:
        given = list(_read_by_titles(given, readings, memo.policy.vocabulary.missing, unreadable))
    distinct = frozenset(fields)
    may_repeat = bool(naming) or len(distinct) < len(fields)
    if naming:
        distinct = distinct.union([field for _, field, _ in given])
    return Values(given, unreadable, questionable, may_repeat, distinct)


def _find_in_value(
    name: str, field: Field | None, value: Scalar | None, memo: Memo, readings: dict[str, Reading]
) -> Given:
    """Return a field whose value begins with the field's name, and note how to read the rest of the value."""
    title, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    match = memo.match(title)
    if not colon or match.field is None:
        return name, field, value
    if match.reading:
        readings[name] = match.reading
    return name, match.field, rest.strip() or None


def _read_by_titles(
    given: list[Given], readings: Mapping[str, Reading], missing: MissingTerms, unreadable: dict[str, str]
) -> Iterator[Given]:
    """Yield the fields, with values in the unit and the coding that their titles give."""
    for name, field, value in given:
        reading = readings.get(name)
        is_missing = isinstance(value, str) and missing.term(value) is not None
        if reading is None or field is None or not field.is_stored or value is None or is_missing:
            yield name, field, value
            continue
        try:
            yield name, field, reading.read(value)
        except ValueError as problem:
            unreadable[name] = str(problem)


def _texts(value: Value) -> Iterator[str]:
    """Yield the clean texts in a value that cannot be read."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        yield clean(value.string_value[:_LONGEST_EVIDENCE])
    elif kind == "list_value":
        for item in value.list_value.values:
            yield from _texts(item)
    elif kind == "struct_value":
        for item in value.struct_value.fields.values():
            yield from _texts(item)
