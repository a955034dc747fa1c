"""Rows: converts rows of the consent table to messages of the API."""

import json

import asyncpg

from fairdb.privacy.v1.consent_service_pb2 import Consent
from privacy_svc.data_use.stored_terms import read_terms


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
