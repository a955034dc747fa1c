"""Sessions: families of refresh tokens, each valid for one exchange.

A refresh token that is used twice was copied, and either user may be the thief. So the whole session ends, and its
access tokens are revoked.

The functions below that change sessions need the lock of the account (`accounts.lock`). It lasts until the transaction
ends, so that no session or token with old roles is issued while roles change.
"""

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from chassis.identity.keys import ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS
from chassis.identity.tokens import Signer
from chassis.storage.database import Connection
from chassis.storage.sweep import Sweep
from fairdb.auth.v1.auth_service_pb2 import Account, Tokens
from fairdb.options.v1.access_pb2 import Role

SESSION_DAYS = 30

OPEN = "INSERT INTO session (id, account_id, expires_at) VALUES ($1, $2, now() + make_interval(days => $3))"
ADD_REFRESH = "INSERT INTO refresh_token (token_hash, session_id) VALUES ($1, $2)"
FIND_REFRESH = """
SELECT refresh_token.used, session.id AS session_id, session.account_id, session.expires_at > now() AS lives
FROM refresh_token JOIN session ON session.id = refresh_token.session_id
WHERE token_hash = $1
"""
USE_REFRESH = "UPDATE refresh_token SET used = true WHERE token_hash = $1"
OF_ACCOUNT = "SELECT id FROM session WHERE account_id = $1"
CLOSE = "DELETE FROM session WHERE id = $1"
SWEEP_SESSIONS = Sweep("session", "expires_at < now()")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The result of using a refresh token."""

    session_id: UUID
    good: bool
    """False when the token was used before or its session has expired."""


async def open_session(connection: Connection, account: Account, signer: Signer) -> Tokens:
    """Start a session; return its first tokens."""
    session_id = uuid4()
    await connection.execute(OPEN, session_id, UUID(account.id), SESSION_DAYS)
    return await issue(connection, session_id, account, signer)


async def issue(connection: Connection, session_id: UUID, account: Account, signer: Signer) -> Tokens:
    """Return a session's next pair of tokens."""
    refresh_token = secrets.token_urlsafe(32)
    await connection.execute(ADD_REFRESH, _hash(refresh_token), session_id)
    claims = {
        "sub": account.id,
        "sid": str(session_id),
        "roles": [Role.Name(role) for role in account.roles],
        "since": account.create_time.seconds,
    }
    access_token = signer.sign(ACCOUNT_AUDIENCE, ACCOUNT_TOKEN_SECONDS, claims)
    return Tokens(access_token=access_token, refresh_token=refresh_token, expires_in=ACCOUNT_TOKEN_SECONDS)


async def owner_of(connection: Connection, refresh_token: str) -> UUID | None:
    """Return the account of a refresh token, or None when it was never issued or its session is closed."""
    row = await connection.fetchrow(FIND_REFRESH, _hash(refresh_token))
    return None if row is None else row["account_id"]


async def use_refresh_token(connection: Connection, refresh_token: str) -> Exchange | None:
    """Use a refresh token; return None when it was never issued or its session is closed. Needs the account's lock."""
    token_hash = _hash(refresh_token)
    row = await connection.fetchrow(FIND_REFRESH, token_hash)
    if row is None:
        return None
    good = row["lives"] and not row["used"]
    if good:
        await connection.execute(USE_REFRESH, token_hash)
    return Exchange(row["session_id"], good)


async def close(connection: Connection, session_id: UUID) -> None:
    """End a session, with all its refresh tokens."""
    await connection.execute(CLOSE, session_id)


async def of_account(connection: Connection, account_id: UUID) -> list[UUID]:
    """Return the ids of an account's sessions."""
    return [row["id"] for row in await connection.fetch(OF_ACCOUNT, account_id)]


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode()).digest()
