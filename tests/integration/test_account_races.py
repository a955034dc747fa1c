"""Calls that issue tokens race with calls that take them away: no token with a lost role stays valid."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, cast
from uuid import UUID

import jwt
import pytest
import pytest_asyncio

from auth_svc import accounts, passwords, sessions
from auth_svc.errors import CredentialsWrong, RefreshTokenInvalid
from auth_svc.revocations import Mirror
from auth_svc.servicer import AuthServicer
from auth_svc.throttle import Throttle
from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.identity.revocation import connect_redis
from chassis.identity.tokens import Signer, TrustStore
from chassis.storage.database import Database, open_database
from fairdb.auth.v1.auth_service_pb2 import Account, LoginRequest, LogoutRequest, RefreshRequest, SetAccountRolesRequest
from fairdb.auth.v1.auth_service_pb2 import Tokens as TokenPair
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER
from tests.integration.conftest import NewDatabase, Servers

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"
ROUNDS, MANY_ROUNDS = 25, 1000
"""Rounds of each pair. A round lasts a few milliseconds."""
CONTEXT: Any = None
"""The servicer does not use gRPC's context."""


@dataclass
class Accounts:
    """An auth_svc without a server, and one account."""

    servicer: AuthServicer
    database: Database
    signer: Signer
    id: str

    async def promote(self) -> TokenPair:
        """Make the account an administrator, and return the tokens of a new session."""
        async with self.database.transaction() as connection:
            account = await accounts.set_roles(connection, UUID(self.id), [ROLE_RESEARCHER, ROLE_ADMIN])
            return await sessions.open_session(connection, account, self.signer)

    async def log_in(self, tokens: TokenPair) -> TokenPair:
        return await self.servicer.Login(LoginRequest(email=EMAIL, password=PASSWORD), CONTEXT)

    async def refresh(self, tokens: TokenPair) -> TokenPair:
        return await self.servicer.Refresh(RefreshRequest(refresh_token=tokens.refresh_token), CONTEXT)

    async def demote(self, tokens: TokenPair) -> Account:
        request = SetAccountRolesRequest(id=self.id, roles=[ROLE_RESEARCHER])
        return await self.servicer.SetAccountRoles(request, CONTEXT)

    async def log_out(self, tokens: TokenPair) -> None:
        call_context.enter(Call(caller=Caller(user_id=self.id, session_id=session_of(tokens))))
        await self.servicer.Logout(LogoutRequest(), CONTEXT)

    async def valid(self, issued: Sequence[TokenPair]) -> list[dict[str, Any]]:
        """Return the claims of the access tokens whose session is not revoked."""
        rows = await self.database.fetch("SELECT identifier FROM revocation")
        revoked = {str(row["identifier"]) for row in rows}
        return [claims for claims in map(claims_of, issued) if claims["sid"] not in revoked]


Act = Callable[[Accounts, TokenPair], Awaitable[object]]
ACTS: dict[str, Act] = {
    "log in": Accounts.log_in,
    "refresh": Accounts.refresh,
    "demote": Accounts.demote,
    "log out": Accounts.log_out,
}


def claims_of(tokens: TokenPair) -> dict[str, Any]:
    return jwt.decode(tokens.access_token, options={"verify_signature": False})


def session_of(tokens: TokenPair) -> str:
    return claims_of(tokens)["sid"]


@pytest_asyncio.fixture
async def account(servers: Servers, new_database: NewDatabase) -> AsyncIterator[Accounts]:
    settings = servers.settings("auth_svc", await new_database("auth_svc"))
    signer = Signer.load("auth_svc", settings["signing_key_file"])
    async with (
        connect_redis(settings["redis_url"]) as redis,
        open_database(settings["database_url"], []) as database,
    ):
        trust, mirror = TrustStore(settings["trust_dir"]), Mirror(database, redis)
        servicer = AuthServicer(database, signer, trust, mirror, Throttle())
        async with database.transaction() as connection:
            hashed = await passwords.hash_password(PASSWORD)
            created = await accounts.create(connection, EMAIL, hashed, [ROLE_RESEARCHER])
        yield Accounts(servicer, database, signer, created.id)


@pytest.fixture
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare no password: the hash takes far longer than everything else in a log-in, and would hide the races."""

    async def verify(password: str, password_hash: str | None) -> bool:
        await asyncio.sleep(0)
        return password_hash is not None

    monkeypatch.setattr(passwords, "verify_password", verify)


@pytest.mark.parametrize(
    "rounds", [ROUNDS, pytest.param(MANY_ROUNDS, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]
)
@pytest.mark.parametrize(("first", "second"), list(permutations(ACTS, 2)))
@pytest.mark.usefixtures("fast_passwords")
async def test_no_valid_token_names_a_lost_role(account: Accounts, first: str, second: str, rounds: int) -> None:
    for _ in range(rounds):
        before = await account.promote()
        answers = await asyncio.gather(
            *(ACTS[name](account, before) for name in (first, second)), return_exceptions=True
        )
        for answer in answers:
            assert not isinstance(answer, BaseException) or isinstance(answer, RefreshTokenInvalid), answer
        issued = [before, *(answer for answer in answers if isinstance(answer, TokenPair))]
        valid = await account.valid(issued)
        if "demote" in (first, second):
            assert not [claims for claims in valid if "ROLE_ADMIN" in claims["roles"]]
        if "log out" in (first, second):
            assert session_of(before) not in {claims["sid"] for claims in valid}


async def test_role_that_is_lost_while_the_password_is_compared_is_not_issued(
    account: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await account.promote()
    comparing, demoted = asyncio.Event(), asyncio.Event()

    async def verify(password: str, password_hash: str | None) -> bool:
        comparing.set()
        await demoted.wait()
        return True

    monkeypatch.setattr(passwords, "verify_password", verify)
    login = asyncio.create_task(account.log_in(tokens))
    await comparing.wait()
    await account.demote(tokens)
    demoted.set()
    assert claims_of(await login)["roles"] == ["ROLE_RESEARCHER"]


@pytest.mark.parametrize("change", ["UPDATE account SET password_hash = 'another'", "DELETE FROM account"])
async def test_log_in_fails_if_its_password_or_account_changed_meanwhile(
    account: Accounts, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(password: str, password_hash: str | None) -> bool:
        await account.database.execute(change)
        return True

    monkeypatch.setattr(passwords, "verify_password", verify)
    with pytest.raises(CredentialsWrong):
        await account.log_in(cast(TokenPair, None))


async def test_refresh_token_is_exchanged_once_however_many_try(account: Accounts) -> None:
    tokens = await account.promote()
    answers = await asyncio.gather(*(account.refresh(tokens) for _ in range(8)), return_exceptions=True)
    issued = [answer for answer in answers if isinstance(answer, TokenPair)]
    assert len(issued) == 1
    assert not await account.valid([tokens, *issued])
