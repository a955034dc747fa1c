"""The complete platform: Envoy and four services with all their guarantees, and one request in ten traced."""

import asyncio
import secrets
from collections.abc import Sequence

import httpx

from bench.counting import Expectation
from bench.stage import DONORS, Stage
from chassis.events.broker import EXCHANGE
from deploy.local import probe
from deploy.local.component import until
from deploy.local.database import DATABASE
from deploy.services import NAMES

EDGE = ("edge_agent", "envoy")
# Redis and Consul always run, but only the platform uses them.
OWN = (*NAMES, *EDGE, "redis", "consul")
PASSWORD = "correct horse battery"
EMAIL = "bench@example.org"
START_LIMIT = 60.0
_FEW = httpx.Limits(max_connections=8)

EXPECTED = Expectation(
    """
    SELECT (SELECT count(*) FROM backend_svc.sample),
           (SELECT count(*) FROM backend_svc.audit),
           (SELECT count(*) FROM backend_svc.outbox) + (SELECT count(*) FROM backend_svc.sample WHERE state < 3)
               + (SELECT count(*) FROM gateway.saga WHERE state <= 3)
    """,
    EXCHANGE,
    audits=3,  # store, index, notify
    events=("sample.created", "sample.validated", "sample.anonymized", "sample.indexed", "sample.processed"),
)


class NotReady(Exception):
    """The platform gave an unexpected answer."""


class Platform:
    """The constellation, with or without tracing, and with or without mutual TLS."""

    database = DATABASE
    expected = EXPECTED

    def __init__(self, stage: Stage, *, tracing: bool = True, plain: bool = False) -> None:
        self._stage = stage
        self._tracing = tracing
        self._plain = plain
        self._spans = 0
        self.name = "plain" if plain else "platform" if tracing else "untraced"

    @property
    def url(self) -> str:
        return self._stage.constellation.edge_url

    async def start(self) -> None:
        constellation = self._stage.constellation
        self._stage.set(tracing=self._tracing, plain=self._plain)
        self._spans = self._stage.collector.spans
        # Without TLS, a service does not answer the constellation's look. The edge answers below.
        await asyncio.gather(*(constellation.start(service, wait=not self._plain) for service in NAMES))
        for component in EDGE:
            await constellation.start(component)

        async def healthy() -> bool:
            return await probe.http(f"{self.url}/api/health", timeout=10) == 200

        if not await until(healthy, START_LIMIT):
            raise NotReady(f"{self.url}/api/health does not answer 200")

    async def stop(self) -> None:
        constellation = self._stage.constellation
        await asyncio.gather(*(constellation.stop(service) for service in NAMES))
        await asyncio.gather(*(constellation.stop(component) for component in EDGE))
        # The stopped services have exported their last spans by now.
        if (self._stage.collector.spans > self._spans) != self._tracing:
            raise NotReady(f"tracing is {self._tracing}, but the spans received do not match that")

    async def token(self) -> str:
        return await log_in_owner(self.url)

    async def stranger_token(self) -> str:
        async with httpx.AsyncClient(base_url=self.url, timeout=30, trust_env=False) as http:
            email = f"stranger-{secrets.token_hex(6)}@example.org"
            await _register(http, email)
            return (await _log_in(http, email))[0]

    def roots(self) -> Sequence[int]:
        return [self._stage.constellation.pid(component) for component in OWN]


async def make_account(url: str) -> tuple[str, str]:
    """Register the account and grant its own consent and every donor's. Return the ids of account and own consent."""
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=_FEW) as http:
        await _register(http, EMAIL)
        token, account = await _log_in(http, EMAIL)
        headers = {"Authorization": f"Bearer {token}"}

        async def consent(subject: str) -> str:
            body = {"purpose": "sample_creation", "subject": subject}
            answer = (await http.post("/api/consents", json=body, headers=headers)).raise_for_status()
            return answer.json()["id"]

        own, *_ = await asyncio.gather(*map(consent, ("", *DONORS)))
        return account, own


async def log_in_owner(url: str) -> str:
    """Return an access token of the account of `make_account`."""
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        return (await _log_in(http, EMAIL))[0]


async def _register(http: httpx.AsyncClient, email: str) -> None:
    credentials = {"email": email, "password": PASSWORD}
    (await http.post("/api/auth/register", json=credentials)).raise_for_status()


async def _log_in(http: httpx.AsyncClient, email: str) -> tuple[str, str]:
    credentials = {"email": email, "password": PASSWORD}
    answer = (await http.post("/api/auth/login", json=credentials)).raise_for_status()
    token = answer.json()["accessToken"]
    me = (await http.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})).raise_for_status()
    return token, me.json()["id"]
