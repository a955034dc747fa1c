"""Stored terms: the JSON form in which the database keeps data use terms."""

import json
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format

from fairdb.samples.v1.data_use_pb2 import DataUseTerm


def write_terms(terms: Iterable[DataUseTerm]) -> str:
    """Return terms as JSON, sorted by id so that equal sets of terms are equal in the database."""
    return json.dumps([json_format.MessageToDict(term) for term in sorted(terms, key=lambda term: term.id)])


def read_terms(stored: Iterable[dict[str, Any]]) -> list[DataUseTerm]:
    """Return the terms that write_terms stored, from parsed JSON."""
    return [json_format.ParseDict(term, DataUseTerm(), ignore_unknown_fields=True) for term in stored]
