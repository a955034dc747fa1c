"""Rows of an import: one sample each, made of a line of JSON or of the cells of a table, or why it cannot be."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from chassis.errors import AppError, InvalidRequest
from fairdatabase.sheets.columns import REQUEST_ID, SAMPLE_FIELDS, Columns
from fairdatabase.sheets.records import Fault
from fairdatabase.violations import Violation
from fairdb.samples.v1.sample_pb2 import RawSample
from gateway.imports.errors import RowFieldUnknown, RowNotJson, RowUnreadable

_METADATA, _REQUEST_ID, _TAXON_ID = "metadata", "request_id", "taxon_id"
_FIELDS = {**SAMPLE_FIELDS, _METADATA: _METADATA, **REQUEST_ID}
_SHOWN = ", ".join(name for name in _FIELDS if "_" not in name)
_LONGEST_INT = 10


class Row(NamedTuple):
    """A row that can be read."""

    sample: RawSample
    request_id: str
    size: int
    """Bytes, about."""


Item = Row | AppError
"""A row, or why it is none."""


class _Twice(ValueError):
    """An object holds a name twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_number(_: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)


def read_json(line: str, size: int) -> Item:
    """Read a row from a line of JSON, the body of a request for one sample."""
    try:
        found = _decoder.decode(line)
    except (ValueError, RecursionError):
        return RowNotJson()
    if not isinstance(found, dict):
        return RowNotJson()
    try:
        return _read_object(found, size)
    except AppError as error:
        return error


def _read_object(found: dict[str, Any], size: int) -> Row:
    sample, request_id, wrong = RawSample(), "", list[Violation]()
    seen = set[str]()
    for name, value in found.items():
        field = _FIELDS.get(name)
        if field is None:
            raise RowFieldUnknown(fields=_SHOWN)
        if field in seen:
            raise RowNotJson
        seen.add(field)
        if value is None:
            continue
        if field == _METADATA:
            wrong += _set_metadata(sample, value)
        elif field == _TAXON_ID:
            wrong += _set_taxon_id(sample, value)
        elif not isinstance(value, str) or not _is_unicode(value):
            wrong.append(Violation(_path(field), "must be a text"))
        elif field == _REQUEST_ID:
            request_id = value
        else:
            setattr(sample, field, value)
    if wrong:
        raise InvalidRequest(violations=wrong)
    return Row(sample, request_id, size)


def _set_metadata(sample: RawSample, found: object) -> Iterable[Violation]:
    if not isinstance(found, dict):
        yield Violation(_path(_METADATA), "must be an object of fields and values")
        return
    for name, value in found.items():
        try:
            into = sample.metadata[name]
            match value:
                case str():
                    into.string_value = value
                case bool():
                    into.bool_value = value
                case int() if float(value) != value:
                    # Two numbers that a device printed would become one.
                    yield Violation(_path(_METADATA), "must hold longer whole numbers as texts")
                    return
                case int() | float():
                    into.number_value = value
                case None:
                    into.null_value = 0  # pyright: ignore[reportAttributeAccessIssue]
                case _:
                    # No sample may hold lists and objects; that is for privacy_svc to say, whatever is in them.
                    into.list_value.SetInParent()
        except (ValueError, OverflowError):
            # A number beyond all that are stored, or half a character. Its name may be what is wrong.
            yield Violation(_path(_METADATA), "must hold numbers and texts that can be stored")
            return


def _set_taxon_id(sample: RawSample, value: object) -> Iterable[Violation]:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) <= _LONGEST_INT:
        value = int(value)
    try:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        sample.taxon_id = value
    except (ValueError, OverflowError):
        yield Violation(_path(_TAXON_ID), "must be a whole number")


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be written: JSON can hold half of a character."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _path(field: str) -> str:
    """Return a field's path in the API, as an error for one sample has it."""
    if field == _REQUEST_ID:
        return "requestId"
    return f"sample.{RawSample.DESCRIPTOR.fields_by_name[field].json_name}"


def read_cells(columns: Columns, cells: Sequence[str], size: int) -> Item:
    """Read a row from the cells of a table; empty ones are left out."""
    if len(cells) != columns.width:
        return RowUnreadable(Fault.RAGGED, cells=str(len(cells)), columns=str(columns.width))
    sample, request_id = RawSample(), ""
    for index, name in columns.metadata:
        if (cell := cells[index]) and not cell.isspace():
            sample.metadata[name].string_value = cell
    for index, field in columns.named:
        cell = cells[index]
        if not cell or cell.isspace():
            continue
        if field == _REQUEST_ID:
            request_id = cell
        elif field != _TAXON_ID:
            setattr(sample, field, cell)
        elif wrong := list(_set_taxon_id(sample, cell)):
            return InvalidRequest(violations=wrong)
    return Row(sample, request_id, size)
