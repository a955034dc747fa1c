"""Platform: accounts and calls on a running constellation."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from auth_svc import accounts, passwords, sessions
from chassis.identity.tokens import Signer
from deploy.local.constellation import Constellation
from fairdb.options.v1.access_pb2 import ROLE_ADMIN, ROLE_RESEARCHER, ROLE_STEWARD, Role
from tests.waiting import eventually

PASSWORD = "correct horse battery"
_hashes: list[str] = []


async def hash_of_password() -> str:
    """Return a hash of `PASSWORD`. It is computed only once."""
    if not _hashes:
        _hashes.append(await passwords.hash_password(PASSWORD))
    return _hashes[0]


@dataclass
class Account:
    """A logged-in account, over REST."""

    http: httpx.AsyncClient
    id: str
    email: str
    token: str
    refresh_token: str = ""
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.token}"}

    async def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> httpx.Response:
        """Make a call as this account."""
        return await self.http.request(
            method, path, json=body, headers={**self.headers, **(headers or {})}, **arguments
        )

    async def consent(self, subject: str = "", **fields: Any) -> str:
        """Grant a consent, by default to sample creation. Returns its id."""
        body = {"purpose": "sample_creation", "subject": subject, **fields}
        answer = await self.call("POST", "/api/consents", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    async def create(self, organism: str = "E. coli", **fields: Any) -> dict[str, Any]:
        """Create a sample, and return it."""
        answer = await self.call("POST", "/api/samples", {"organism": organism, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def wait_until_processed(self, sample_id: str) -> dict[str, Any]:
        """Wait until a sample is indexed and its followers are notified. Returns the sample."""

        async def look() -> dict[str, Any] | None:
            answer = await self.call("GET", f"/api/samples/{sample_id}")
            sample = answer.json()
            return sample if answer.status_code == 200 and sample["state"] == "STATE_PROCESSED" else None

        processed = await eventually(look)
        assert processed is not None
        return processed


@dataclass
class Platform:
    """A running constellation."""

    constellation: Constellation
    http: httpx.AsyncClient

    async def account(
        self, name: str = "researcher", *, consented: bool = False, roles: Sequence[int] = (ROLE_RESEARCHER,)
    ) -> Account:
        """Create an account with a session and, if `consented`, with a consent to sample creation.

        Writes the same rows as auth_svc. This is faster than registering, because hashing a password takes a fifth of
        a second, and all accounts share one hash.
        """
        email = f"{name}-{secrets.token_hex(6)}@example.org"
        connection = await asyncpg.connect(self.constellation.env_of("auth_svc")["FAIRDB_DATABASE_URL"])
        try:
            async with connection.transaction():
                created = await accounts.create(connection, email, await hash_of_password(), roles)
                tokens = await sessions.open_session(connection, created, self.signer("auth_svc"))
        finally:
            await connection.close()
        account = Account(self.http, created.id, email, tokens.access_token, tokens.refresh_token)
        if consented:
            await account.consent()
        return account

    async def register(self, name: str = "researcher") -> Account:
        """Register a new account over REST and log it in."""
        email = f"{name}-{secrets.token_hex(6)}@example.org"
        answer = await self.http.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return await self.log_in(email)

    async def log_in(self, email: str) -> Account:
        """Return a new session of an account."""
        tokens = await self.http.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert tokens.status_code == 200, tokens.text
        token = tokens.json()["accessToken"]
        me = await self.http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        return Account(self.http, me.json()["id"], email, token, tokens.json()["refreshToken"])

    async def admin(self) -> Account:
        """Create an administrator."""
        return await self.account("admin", roles=(ROLE_RESEARCHER, ROLE_ADMIN))

    async def steward(self) -> Account:
        """Create a steward who is also a researcher."""
        return await self.account("steward", roles=(ROLE_RESEARCHER, ROLE_STEWARD))

    async def with_roles(self, *roles: str) -> Account:
        """Create an account with exactly these roles."""
        return await self.account(roles=[Role.Value(role) for role in roles])

    def signer(self, service: str) -> Signer:
        """Return a signer with a service's own key."""
        env = self.constellation.env_of(service)
        return Signer.load(service, Path(env["FAIRDB_SIGNING_KEY_FILE"]))

    def service_metadata(self, caller: str, callee: str) -> list[tuple[str, str]]:
        """Return the call metadata that authenticates one service to another, on a channel with its certificate."""
        return [("x-service-token", self.constellation.plan.credentials.service_token(caller, callee))]
