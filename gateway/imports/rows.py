"""Parses the rows of an import, which are lines of JSON or cells of a table. An invalid row becomes an error."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from chassis.errors import AppError, InvalidRequest
from fairdatabase.sheets.columns import LONGEST_TITLE, REQUEST_ID, SAMPLE_FIELDS, Columns, RowRagged, read_whole_number
from fairdatabase.sheets.records import Fault
from fairdatabase.violations import Violation
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports.errors import RowFieldUnknown, RowNotJson, RowUnreadable

_METADATA, _REQUEST_ID, _TAXON_ID = "metadata", "request_id", "taxon_id"
_FIELDS = {**SAMPLE_FIELDS, _METADATA: _METADATA, **REQUEST_ID}
_FIELD_NAMES = ", ".join(name for name in _FIELDS if "_" not in name)


class Row(NamedTuple):
    """A parsed row."""

    sample: RawSample
    request_id: str
    size: int
    """Approximate size in bytes."""


class Titles(NamedTuple):
    """The header of a table."""

    metadata: Sequence[str]
    """The titles of the columns that become metadata."""


class Comments(NamedTuple):
    """The end of a table."""

    lines: int
    """How many lines are comments, which are no rows."""


Item = Row | AppError | Titles | Comments
"""A row, or the error that rejects it. A table begins with its header and ends with its comments."""


class _DuplicateName(ValueError):
    """An object has the same name twice."""


def _to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise _DuplicateName
    return values


def _reject_constant(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_to_object, parse_constant=_reject_constant)


def read_json(line: str, size: int) -> Item:
    """Read a row from a line of JSON, which has the same fields as the body of POST /api/samples."""
    try:
        values = _decoder.decode(line)
    except (ValueError, RecursionError):
        return RowNotJson()
    if not isinstance(values, dict):
        return RowNotJson()
    try:
        return _read_object(values, size)
    except AppError as error:
        return error


def _read_object(values: dict[str, Any], size: int) -> Row:
    sample, request_id, violations = RawSample(), "", list[Violation]()
    seen = set[str]()
    for name, value in values.items():
        field = _FIELDS.get(name)
        if field is None:
            raise RowFieldUnknown(fields=_FIELD_NAMES)
        if field in seen:
            raise RowNotJson
        seen.add(field)
        if value is None:
            continue
        if field == _METADATA:
            violations += _set_metadata(sample, value)
        elif field == _TAXON_ID:
            violations += _set_taxon_id(sample, value)
        elif not isinstance(value, str) or not _is_unicode(value):
            violations.append(Violation(_path(field), "must be a string of valid Unicode"))
        elif field == _REQUEST_ID:
            request_id = value
        else:
            setattr(sample, field, value)
    if violations:
        raise InvalidRequest(violations=violations)
    return Row(sample, request_id, size)


def _set_metadata(sample: RawSample, values: object) -> Iterable[Violation]:
    if not isinstance(values, dict):
        yield Violation(_path(_METADATA), "must be an object of field names and values")
        return
    for number, (name, value) in enumerate(values.items(), start=1):
        try:
            # A name that a field cannot have is as unknown to the policy as the number is.
            into = sample.metadata[name if 0 < len(name) <= LONGEST_TITLE and "\0" not in name else f"field {number}"]
            match value:
                case str():
                    into.string_value = value
                case bool():
                    into.bool_value = value
                case int() if float(value) != value:
                    # A float would round the number, so that two different barcodes could become equal.
                    yield Violation(_path(_METADATA), "must give whole numbers beyond 2^53 as strings")
                    return
                case int() | float():
                    into.number_value = value
                case None:
                    into.null_value = 0  # pyright: ignore[reportAttributeAccessIssue]
                case _:
                    # A list or an object. privacy_svc rejects both, so send an empty list in place of either.
                    into.list_value.SetInParent()
        except (ValueError, OverflowError):
            # The number exceeds the range of a float, or the text or the field name contains a lone surrogate. Do not
            # quote the name, because it may be the invalid text.
            yield Violation(_path(_METADATA), "must contain only numbers and strings that can be stored")
            return


def _set_taxon_id(sample: RawSample, value: object) -> Iterable[Violation]:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        number = read_whole_number(value)
        if number is None:
            # The policy drops it, and names it in the answer, unless it is a missing-value term.
            sample.metadata["taxonId"].string_value = value
            return
        value = number
    try:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        sample.taxon_id = value
    except (ValueError, OverflowError):
        yield Violation(_path(_TAXON_ID), "must be a whole number of at most 2147483647")


def _is_unicode(text: str) -> bool:
    """Return whether a text can be encoded: JSON can contain a lone surrogate."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _path(field: str) -> str:
    """Return the path by which errors of CreateSample name a field."""
    if field == _REQUEST_ID:
        return "requestId"
    return f"sample.{RawSample.DESCRIPTOR.fields_by_name[field].json_name}"


def read_cells(columns: Columns, cells: Sequence[str], size: int) -> Item:
    """Read a row from the cells of a table. Blank cells count as absent."""
    try:
        named, metadata = columns.read(cells)
    except RowRagged:
        return RowUnreadable(Fault.RAGGED, cells=str(len(cells)), columns=str(columns.width))
    request_id = named.pop(_REQUEST_ID, "")
    taxon_id = read_whole_number(named.pop(_TAXON_ID, "")) or 0
    sample = RawSample(taxon_id=taxon_id)
    for field, value in named.items():
        setattr(sample, field, value)
    for name, value in metadata.items():
        sample.metadata[name].string_value = value
    return Row(sample, request_id, size)
