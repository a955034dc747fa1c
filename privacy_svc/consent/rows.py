"""Rows: consents and their terms, between the table and the API."""

import json
from collections.abc import Iterable
from typing import Any

import asyncpg
from google.protobuf import json_format

from fairdb.privacy.v1.consent_service_pb2 import Consent
from fairdb.samples.v1.data_use_pb2 import DataUseTerm


def to_consent(row: asyncpg.Record) -> Consent:
    """Return the consent as the API shows it."""
    consent = Consent(
        id=str(row["id"]),
        purpose=row["purpose"],
        account=str(row["account_id"]),
        has_subject=row["subject_hash"] is not None,
        study=str(row["study_id"] or ""),
        data_use=read_terms(json.loads(row["data_use"])),
        text_version=row["text_version"],
        replaced_by=str(row["replaced_by"] or ""),
        in_force=row["in_force"],
    )
    consent.grant_time.FromDatetime(row["granted_at"])
    if row["withdrawn_at"] is not None:
        consent.withdraw_time.FromDatetime(row["withdrawn_at"])
    if row["expires_at"] is not None:
        consent.expire_time.FromDatetime(row["expires_at"])
    return consent


def write_terms(terms: Iterable[DataUseTerm]) -> str:
    """Return terms as they are stored: by id, so that the same terms are equal."""
    return json.dumps([json_format.MessageToDict(term) for term in sorted(terms, key=lambda term: term.id)])


def read_terms(stored: Iterable[dict[str, Any]]) -> list[DataUseTerm]:
    """Return the terms that write_terms stored, read as JSON."""
    return [json_format.ParseDict(term, DataUseTerm(), ignore_unknown_fields=True) for term in stored]
