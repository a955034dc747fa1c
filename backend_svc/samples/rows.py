"""Converts samples between message and row."""

import json
import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from chassis.errors import InvalidRequest
from fairdatabase.violations import NO_NUL, Violation
from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.samples.v1.sample_pb2 import Sample


def scalars(metadata: Mapping[str, Value]) -> dict[str, Any]:
    """Return metadata as plain scalars, with whole numbers as int. Raises InvalidRequest."""
    return {name: _scalar(value) for name, value in metadata.items()}


def check_texts(sample: Sample, written: str) -> None:
    """Raise InvalidRequest if a text contains NUL, which PostgreSQL cannot store. `written` is its maps as JSON."""
    for field, text in (
        ("subject", sample.subject),
        ("organism", sample.organism),
        ("collectionDate", sample.collection_date),
    ):
        if "\0" in text:
            raise refused(field, NO_NUL)
    # JSON encodes NUL as \u0000 and doubles a literal backslash, so remove pairs of backslashes first.
    if "\\u0000" in written.replace("\\\\", ""):
        raise refused("metadata", NO_NUL)


def to_uuid(field: str, text: str) -> UUID:
    """Return a field of a sample as a UUID. Raises InvalidRequest."""
    try:
        return UUID(text)
    except ValueError:
        raise refused(field, "must be a UUID") from None


def refused(field: str, description: str) -> InvalidRequest:
    """Return the error for a field that cannot be stored, without its value."""
    return InvalidRequest(violations=[Violation(f"stored.sample.{field}", description)])


def _scalar(value: Value) -> str | float | int | bool | None:
    kind = value.WhichOneof("kind")
    if kind == "number_value" and math.isfinite(number := value.number_value):
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if kind in ("string_value", "bool_value"):
        return getattr(value, kind)
    if kind in (None, "null_value"):
        return None
    raise refused("metadata", "must be strings, finite numbers, booleans or null")


def _set(value: Value, scalar: str | float | bool | None) -> None:
    if scalar is None:
        value.null_value = NULL_VALUE
    elif isinstance(scalar, bool):
        value.bool_value = scalar
    elif isinstance(scalar, str):
        value.string_value = scalar
    else:
        value.number_value = scalar


def to_stored(row: Mapping[str, Any] | asyncpg.Record) -> StoredSample:
    """Return the sample of a row of lookup.COLUMNS: `barred_by` and `barred_at` are set if a barrier applies to it."""
    sample = Sample(
        id=str(row["id"]),
        study=str(row["study"]),
        subject=row["subject"],
        organism=row["organism"],
        taxon_id=row["taxon_id"],
        collection_date=row["collection_date"],
        state=Sample.STATE_QUARANTINED if row["barred_by"] else row["state"],
        owner=str(row["owner"]),
        etag=f'"{row["version"]}"',
    )
    for name, scalar in json.loads(row["metadata"]).items():
        _set(sample.metadata[name], scalar)
    sample.create_time.FromDatetime(row["created_at"])
    sample.update_time.FromDatetime(row["updated_at"])
    if row["barred_by"]:
        sample.quarantine.consent = str(row["barred_by"])
        sample.quarantine.time.FromDatetime(row["barred_at"])
    donors, linked = row["class_size"] or (0, 0)
    classes = json.loads(row["classes"])
    return StoredSample(
        sample=sample,
        classes=classes,
        class_donors=donors,
        class_is_linked=linked > 0,
        is_embargoed=row["is_embargoed"],
    )
