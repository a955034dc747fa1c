"""Samples between their message and their row."""

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.samples.v1.sample_pb2 import Sample


def scalars(metadata: Mapping[str, Value]) -> dict[str, Any]:
    """Return metadata as plain scalars; whole numbers as int, as JSON writers do."""
    return {name: _scalar(value) for name, value in metadata.items()}


def _scalar(value: Value) -> str | float | int | bool | None:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if kind in ("string_value", "bool_value"):
        return getattr(value, kind)
    if kind in (None, "null_value"):
        return None
    raise ValueError("metadata holds scalars only")


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
    """Return the sample of a row of table sample."""
    sample = Sample(
        id=str(row["id"]),
        study=str(row["study"]),
        subject=row["subject"],
        organism=row["organism"],
        taxon_id=row["taxon_id"],
        collection_date=row["collection_date"],
        state=row["state"],
        owner=str(row["owner"]),
        etag=f'"{row["version"]}"',
    )
    for name, scalar in json.loads(row["metadata"]).items():
        _set(sample.metadata[name], scalar)
    sample.create_time.FromDatetime(row["created_at"])
    sample.update_time.FromDatetime(row["updated_at"])
    return StoredSample(sample=sample, classes=json.loads(row["classes"]))
