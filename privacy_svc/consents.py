"""Consents at rest: granted, listed, withdrawn, and never forgotten."""

from uuid import UUID

import asyncpg
from uuid6 import uuid7

from chassis import outbox, paging
from chassis.database import Connection
from fairdb.privacy.v1.consent_service_pb2 import Consent, ListConsentsResponse
from privacy_svc.errors import ConsentNotFound

SAMPLE_CREATION = "sample_creation"

GRANT = """
INSERT INTO consent (id, account_id, purpose, subject_hash) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, purpose, subject_hash) WHERE withdrawn_at IS NULL DO NOTHING RETURNING *
"""
IN_FORCE = """
SELECT * FROM consent
WHERE account_id = $1 AND purpose = $2 AND subject_hash IS NOT DISTINCT FROM $3 AND withdrawn_at IS NULL
"""
LIST = """
SELECT * FROM consent WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""
WITHDRAW = """
UPDATE consent SET withdrawn_at = coalesce(withdrawn_at, now()), withdrawn_by = coalesce(withdrawn_by, $2)
WHERE id = $1 AND ($3 OR account_id = $2) RETURNING *, withdrawn_at = now() AS newly
"""
TO_QUARANTINE = """
SELECT id, withdrawn_by FROM consent WHERE withdrawn_at IS NOT NULL AND quarantined_at IS NULL
ORDER BY withdrawn_at LIMIT 100
"""
QUARANTINED = "UPDATE consent SET quarantined_at = now() WHERE id = $1 AND quarantined_at IS NULL"


async def grant(connection: Connection, account_id: UUID, purpose: str, subject_hash: bytes | None) -> Consent:
    """Record a consent, or return the one in force."""
    while True:
        row = await connection.fetchrow(GRANT, uuid7(), account_id, purpose, subject_hash)
        if row is not None:
            await outbox.record(connection, [outbox.new_event("consent.granted", str(row["id"]))])
            return to_consent(row)
        row = await connection.fetchrow(IN_FORCE, account_id, purpose, subject_hash)
        if row is not None:  # None: the one in the way was withdrawn meanwhile
            return to_consent(row)


async def list_page(
    connection: Connection, account_id: UUID | None, page_size: int, page_token: str
) -> ListConsentsResponse:
    """Return a page of an account's consents, or of everybody's for None. Raises PageTokenInvalid."""
    query = f"consents {account_id}"
    after = paging.read_token(page_token, query)
    rows = await connection.fetch(LIST, account_id, after, page_size + 1)
    page = ListConsentsResponse(consents=[to_consent(row) for row in rows[:page_size]])
    if len(rows) > page_size:
        page.next_page_token = paging.write_token(rows[page_size - 1]["id"], query)
    return page


async def withdraw(connection: Connection, consent_id: UUID, actor: UUID, *, any_account: bool) -> Consent:
    """Withdraw a consent; withdrawing twice changes nothing. Raises ConsentNotFound."""
    row = await connection.fetchrow(WITHDRAW, consent_id, actor, any_account)
    if row is None:
        raise ConsentNotFound
    if row["newly"]:
        await outbox.record(connection, [outbox.new_event("consent.withdrawn", str(consent_id))])
    return to_consent(row)


def to_consent(row: asyncpg.Record) -> Consent:
    """Return the consent as the API shows it."""
    consent = Consent(
        id=str(row["id"]),
        purpose=row["purpose"],
        account=str(row["account_id"]),
        has_subject=row["subject_hash"] is not None,
    )
    consent.grant_time.FromDatetime(row["granted_at"])
    if row["withdrawn_at"] is not None:
        consent.withdraw_time.FromDatetime(row["withdrawn_at"])
    return consent
