"""Platform: accounts and calls on a running constellation."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from auth_svc.first_admin import make_admin
from chassis.identity.tokens import Signer
from deploy.local.constellation import Constellation
from tests.waiting import eventually

PASSWORD = "correct horse battery"


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

    async def account(self, name: str = "researcher", *, consented: bool = False) -> Account:
        """Register a new account and log it in. `consented`: with its own consent to sample creation."""
        email = f"{name}-{secrets.token_hex(6)}@example.org"
        answer = await self.http.post("/api/auth/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        account = await self.log_in(email)
        if consented:
            await account.consent()
        return account

    async def log_in(self, email: str) -> Account:
        """Return a new session of an account."""
        tokens = await self.http.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert tokens.status_code == 200, tokens.text
        token = tokens.json()["accessToken"]
        me = await self.http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        return Account(self.http, me.json()["id"], email, token, tokens.json()["refreshToken"])

    async def admin(self) -> Account:
        """Create an administrator with the command that creates the first one."""
        email = f"admin-{secrets.token_hex(6)}@example.org"
        await make_admin(self.constellation.env_of("auth_svc")["FAIRDB_DATABASE_URL"], email, lambda: PASSWORD)
        return await self.log_in(email)

    async def steward(self) -> Account:
        """Create a steward who is also a researcher."""
        return await self.with_roles("ROLE_RESEARCHER", "ROLE_STEWARD")

    async def with_roles(self, *roles: str) -> Account:
        """Create an account, and set its roles to exactly these."""
        admin, account = await self.admin(), await self.account()
        answer = await admin.call("POST", f"/api/accounts/{account.id}:setRoles", {"roles": roles})
        assert answer.status_code == 200, answer.text
        return await self.log_in(account.email)

    def signer(self, service: str) -> Signer:
        """Return a signer with a service's own key."""
        env = self.constellation.env_of(service)
        return Signer.load(service, Path(env["FAIRDB_SIGNING_KEY_FILE"]))

    def service_metadata(self, caller: str, callee: str) -> list[tuple[str, str]]:
        """Return the call metadata that authenticates one service to another."""
        token = self.signer(caller).sign(callee, 300, {"sub": caller})
        return [("x-service-token", token)]
