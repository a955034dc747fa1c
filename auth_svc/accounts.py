"""Stores accounts."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg
from uuid6 import uuid7

from auth_svc.errors import AccountNotFound, EmailTaken
from chassis.storage.database import Connection
from fairdb.auth.v1.auth_service_pb2 import Account

INSERT = """
INSERT INTO account (id, email, password_hash, roles) VALUES ($1, $2, $3, $4)
ON CONFLICT (email) DO NOTHING RETURNING *
"""
BY_EMAIL = "SELECT * FROM account WHERE email = $1"
BY_ID = "SELECT * FROM account WHERE id = $1"
LOCK = BY_ID + " FOR NO KEY UPDATE"
SET_ROLES = "UPDATE account SET roles = $2 WHERE id = $1 RETURNING *"


def normalise_email(email: str) -> str:
    """Return an e-mail address in the form that is compared to keep addresses unique."""
    return email.strip().lower()


async def create(connection: Connection, email: str, password_hash: str, roles: Sequence[int]) -> Account:
    """Create an account. Raises EmailTaken."""
    row = await connection.fetchrow(INSERT, uuid7(), normalise_email(email), password_hash, roles)
    if row is None:
        raise EmailTaken
    return to_account(row)


async def find_by_email(connection: Connection, email: str) -> asyncpg.Record | None:
    """Return an account's row, including the password hash, or None if there is no such account."""
    return await connection.fetchrow(BY_EMAIL, normalise_email(email))


async def get(connection: Connection, account_id: UUID) -> Account:
    """Return an account. Raises AccountNotFound."""
    row = await connection.fetchrow(BY_ID, account_id)
    if row is None:
        raise AccountNotFound
    return to_account(row)


async def lock(connection: Connection, account_id: UUID) -> asyncpg.Record | None:
    """Lock an account until the transaction ends; return its row as it is now, or None if there is no such account.

    Every call that issues tokens, ends sessions or changes the account takes this lock first. So such calls run one
    after another, and no token names a role that the account has lost.
    """
    return await connection.fetchrow(LOCK, account_id)


async def set_roles(connection: Connection, account_id: UUID, roles: Iterable[int]) -> Account:
    """Replace an account's roles. Raises AccountNotFound."""
    row = await connection.fetchrow(SET_ROLES, account_id, sorted(roles))
    if row is None:
        raise AccountNotFound
    return to_account(row)


def to_account(row: asyncpg.Record) -> Account:
    """Return the account of a row, without its password hash."""
    account = Account(id=str(row["id"]), email=row["email"], roles=row["roles"])
    account.create_time.FromDatetime(row["created_at"])
    return account
