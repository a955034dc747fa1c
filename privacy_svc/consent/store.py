"""The stored consents: grant, find, list, withdraw. Rows are never deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from chassis.events import outbox
from chassis.storage import paging
from chassis.storage.database import Connection
from fairdb.privacy.v1.consent_service_pb2 import Consent, ListConsentsResponse
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from privacy_svc.consent.errors import ConsentNotFound
from privacy_svc.consent.rows import to_consent
from privacy_svc.consent.validity import IN_FORCE
from privacy_svc.data_use.stored_terms import write_terms

_COLUMNS = f"*, {IN_FORCE} AS in_force"
_SCOPE = "account_id = $1 AND purpose = $2 AND subject_hash IS NOT DISTINCT FROM $3"

# Serialises grants and withdrawals of one scope.
LOCK_SCOPE = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
# An expired consent is still current: a new grant replaces it. The row lock makes a concurrent withdrawal wait.
CURRENT = f"""
SELECT {_COLUMNS}, data_use = $5::jsonb AND text_version = $6 AND expires_at IS NOT DISTINCT FROM $7 AS same
FROM consent
WHERE {_SCOPE} AND study_id IS NOT DISTINCT FROM $4 AND withdrawn_at IS NULL AND replaced_by IS NULL
FOR UPDATE
"""
REPLACE = "UPDATE consent SET replaced_by = $2 WHERE id = $1"
GRANT = f"""
INSERT INTO consent (account_id, purpose, subject_hash, study_id, data_use, text_version, expires_at, id, series)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {_COLUMNS}
"""
# A consent for the study takes precedence over one for any study.
COVERING = f"""
SELECT {_COLUMNS} FROM consent
WHERE {_SCOPE} AND (study_id IS NULL OR study_id = $4) AND {IN_FORCE} ORDER BY study_id NULLS LAST LIMIT 1
"""
LIST = f"""
SELECT {_COLUMNS} FROM consent
WHERE ($1::uuid IS NULL OR account_id = $1) AND ($2::uuid IS NULL OR id < $2)
  AND ($4 = '' OR purpose = $4) AND (NOT $5 OR {IN_FORCE})
ORDER BY id DESC LIMIT $3
"""
FIND = f"""
SELECT {_COLUMNS} FROM consent
WHERE subject_hash = ANY($4) AND ($1::uuid IS NULL OR account_id = $1) AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""
SCOPE_OF = """
SELECT account_id, purpose, subject_hash, study_id FROM consent WHERE id = $1 AND ($3 OR account_id = $2)
"""
# Run LOCK_SCOPE first: otherwise a concurrent grant could add a consent to the series, which this statement would miss.
# Rows are locked in the order of their ids, so that concurrent withdrawals cannot deadlock.
WITHDRAW = f"""
WITH found AS MATERIALIZED (
    SELECT id FROM consent WHERE series = (SELECT series FROM consent WHERE id = $1 AND ($3 OR account_id = $2))
    ORDER BY id FOR UPDATE
)
UPDATE consent SET withdrawn_at = coalesce(withdrawn_at, now()), withdrawn_by = coalesce(withdrawn_by, $2)
WHERE id IN (SELECT id FROM found)
RETURNING {_COLUMNS}, withdrawn_at = now() AS newly
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Account, purpose, donor and study of a consent. Each scope has at most one current consent."""

    account_id: UUID
    purpose: str
    subject_hash: bytes | None = None
    """None: the account's own consent."""
    study_id: UUID | None = None
    """None: any study of the account."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Conditions of reuse, text version and expiry of a consent."""

    data_use: Sequence[DataUseTerm] = ()
    text_version: str = ""
    expires_at: datetime | None = None


async def grant(connection: Connection, scope: Scope, wording: Wording | None = None) -> Consent:
    """Record a consent, or return the one in force if its wording is the same. Needs a transaction.

    The new consent replaces the current one of the same scope.
    """
    wording = wording or Wording()
    scope_key = (scope.account_id, scope.purpose, scope.subject_hash, scope.study_id)
    stated = (write_terms(wording.data_use), wording.text_version, wording.expires_at)
    await _lock(connection, scope_key)
    current, id = await connection.fetchrow(CURRENT, *scope_key, *stated), uuid7()
    if current is not None:
        if current["same"] and current["in_force"]:
            return to_consent(current)
        await connection.execute(REPLACE, current["id"], id)
    series = current["series"] if current is not None else id
    row = await connection.fetchrow(GRANT, *scope_key, *stated, id, series)
    assert row is not None  # noqa: S101 - INSERT without a condition returns its row
    await outbox.record(connection, [outbox.new_event("consent.granted", str(id))])
    return to_consent(row)


async def find_covering(connection: Connection, scope: Scope) -> Consent | None:
    """Return the consent in force that covers the scope: one for its study, else one for any study."""
    row = await connection.fetchrow(COVERING, scope.account_id, scope.purpose, scope.subject_hash, scope.study_id)
    return to_consent(row) if row is not None else None


async def list_page(
    connection: Connection,
    account_id: UUID | None,
    page_size: int,
    page_token: str,
    purpose: str = "",
    in_force: bool = False,
) -> ListConsentsResponse:
    """Return a page of an account's consents, or of all consents if `account_id` is None. Raises PageTokenInvalid."""
    query = f"consents {account_id} {purpose} {in_force}"
    after = paging.read_token(page_token, query)
    rows = await connection.fetch(LIST, account_id, after, page_size + 1, purpose, in_force)
    return _to_page(rows, page_size, query)


async def find_page(
    connection: Connection, subject_hashes: Sequence[bytes], account_id: UUID | None, page_size: int, page_token: str
) -> ListConsentsResponse:
    """Return a page of the consents under a donor's handles, of one account or (None) of all accounts.

    Raises PageTokenInvalid.
    """
    query = f"consents {account_id} {' '.join(handle.hex() for handle in subject_hashes)}"
    after = paging.read_token(page_token, query)
    rows = await connection.fetch(FIND, account_id, after, page_size + 1, subject_hashes)
    return _to_page(rows, page_size, query)


async def withdraw(connection: Connection, consent_id: UUID, actor: UUID, *, any_account: bool) -> list[Consent]:
    """Withdraw a consent and its whole series (those it replaced and those that replaced it). Needs a transaction.

    Returns the series, the named consent first. Withdrawing again changes nothing. Raises ConsentNotFound.
    """
    scope_key = await connection.fetchrow(SCOPE_OF, consent_id, actor, any_account)
    if scope_key is None:
        raise ConsentNotFound
    await _lock(connection, scope_key)
    rows = await connection.fetch(WITHDRAW, consent_id, actor, any_account)
    newly = [outbox.new_event("consent.withdrawn", str(row["id"])) for row in rows if row["newly"]]
    if newly:
        await outbox.record(connection, newly)
    return [to_consent(row) for row in sorted(rows, key=lambda row: row["id"] != consent_id)]


async def _lock(connection: Connection, scope_key: Iterable[object]) -> None:
    """Lock a scope (account, purpose, donor, study): waits for concurrent grants and withdrawals in it."""
    await connection.execute(LOCK_SCOPE, " ".join(map(str, scope_key)))


def _to_page(rows: Sequence[asyncpg.Record], page_size: int, query: str) -> ListConsentsResponse:
    page = ListConsentsResponse(consents=[to_consent(row) for row in rows[:page_size]])
    if len(rows) > page_size:
        page.next_page_token = paging.write_token(rows[page_size - 1]["id"], query)
    return page
