"""The rig of the saga tests: all services except the gateway, gateways as processes, and checks of the stored data."""

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from chassis.identity.keys import ACCOUNT_AUDIENCE
from chassis.identity.tokens import Signer
from deploy.local import probe, process
from deploy.local.constellation import Constellation
from deploy.local.credentials import Credentials
from deploy.local.layout import CHECKOUT
from deploy.local.ports import LOOPBACK, find_free
from deploy.local.process import Child, Command
from deploy.services import find
from fairdb.options.v1.access_pb2 import Role
from fairdb.privacy.v1.consent_service_pb2 import GrantConsentRequest
from fairdb.privacy.v1.consent_service_pb2_grpc import ConsentServiceStub
from fairdb.samples.v1.sample_pb2 import RawSample, Sample
from fairdb.samples.v1.sample_service_pb2 import CreateSampleRequest, GetSampleRequest
from fairdb.samples.v1.sample_service_pb2_grpc import SampleServiceStub
from fairdb.system.v1.saga_service_pb2_grpc import SagaServiceStub
from tests.waiting import eventually

COMPONENTS = ("postgres", "redis", "rabbitmq", "consul", "auth_svc", "backend_svc", "privacy_svc")
DYING = Path(__file__).parent / "dying_gateway.py"
QUICK = {
    "FAIRDB_SAGA_LEASE_SECONDS": "4",
    "FAIRDB_SAGA_FIRST_BACKOFF_SECONDS": "0.05",
    "FAIRDB_SAGA_REFUSALS": "4",
}
"""Settings with short leases and pauses, for tests that do not measure these times."""

SAMPLES = "SELECT id, state FROM backend_svc.sample WHERE owner = $1"
EVENTS = """
SELECT event.subject, event.type FROM backend_svc.event JOIN backend_svc.sample ON sample.id = event.subject
WHERE owner = $1 ORDER BY event.sequence
"""
AUDIT = """
SELECT audit.action FROM backend_svc.audit JOIN backend_svc.sample ON sample.id = audit.sample_id
WHERE owner = $1 ORDER BY audit.id
"""
SAGAS = "SELECT * FROM gateway.saga WHERE actor = $1::uuid::text ORDER BY id"
EXPIRE = """
UPDATE gateway.lease SET until = now() + $2 * interval '1 second'
WHERE owner IN (SELECT owner FROM gateway.saga WHERE actor = $1::uuid::text)
"""
PREPARED = """
SELECT sample_id FROM privacy_svc.preparation
WHERE NOT discarded AND (account_id = $1 OR sample_id IN (SELECT id FROM gateway.saga WHERE actor = $1::uuid::text))
"""


@dataclass(frozen=True)
class Refused(Exception):
    """A failed call: the gRPC code and the ErrorInfo reason, "" if the gateway died before it answered."""

    code: grpc.StatusCode
    reason: str


@dataclass
class Account:
    """An account with a valid access token."""

    id: str
    metadata: list[tuple[str, str]]
    consent: str = ""
    key: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Gateway:
    """One gateway process."""

    child: Child
    address: str
    credentials: Credentials
    trace: Path
    log: Path

    def alive(self) -> bool:
        return self.child.alive()

    def channel(self) -> grpc.aio.Channel:
        return self.credentials.channel("gateway", self.address, options=[("grpc.enable_retries", 0)])

    async def ready(self, reader: Account) -> None:
        """Wait until the gateway serves and has resolved the other services, or until it has killed itself."""

        async def serving() -> bool:
            if await self.is_dead():
                return True
            async with self.channel() as channel:
                if not await probe.grpc_serving(channel):
                    return False
            try:
                await self.call(SampleServiceStub, "GetSample", GetSampleRequest(id=str(uuid4())), reader)
            except Refused as refused:
                return refused.reason == "SAMPLE_NOT_FOUND"
            return False

        await eventually(serving, within=60)

    async def is_dead(self) -> bool:
        """Return whether the gateway was killed. Fails if it exited for another reason."""
        if not self.alive():
            code = self.child.exit_code()
            assert code == -signal.SIGKILL, f"the gateway exited with {code}:\n{process.tail(self.log)}"
        return not self.alive()

    def points(self) -> list[str]:
        """Return the points that the gateway reached, in order."""
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    async def create(self, account: Account, **fields: Any) -> Sample:
        """Create a sample with the account's idempotency key. Raises Refused."""
        raw = RawSample(**{"organism": "E. coli", **fields})
        request = CreateSampleRequest(sample=raw, request_id=account.key)
        return await self.call(SampleServiceStub, "CreateSample", request, account)

    async def operate(self, method: str, request: Any, admin: Account) -> Any:
        """Call a method of the SagaService. Raises Refused."""
        return await self.call(SagaServiceStub, method, request, admin)

    async def call(self, stub: Any, method: str, request: Any, account: Account) -> Any:
        async with self.channel() as channel:
            try:
                return await getattr(stub(channel), method)(request, metadata=account.metadata, timeout=20)
            except grpc.aio.AioRpcError as error:
                status, info = rpc_status.from_call(error), ErrorInfo()  # pyright: ignore[reportArgumentType]
                for detail in status.details if status else ():
                    detail.Unpack(info)
                raise Refused(error.code(), info.reason) from None


class Rig:
    """The services, and the gateways that tests start."""

    def __init__(self, constellation: Constellation, database: asyncpg.Pool) -> None:
        self.constellation = constellation
        self.database = database
        self.root = constellation.layout.root / "gateways"
        self._signer = Signer.load("auth_svc", constellation.plan.credentials.signing_key("auth_svc"))
        self._base = constellation.plan.environment("auth_svc")

    @asynccontextmanager
    async def gateway(self, env: Mapping[str, str] = QUICK, **points: str) -> AsyncIterator[Gateway]:
        """Start a gateway. With `points` (die=, stop=, lose=, leave=), it is a dying_gateway with these settings."""
        port, metrics = find_free(2)
        name = f"gateway-{port}"
        trace = self.root / f"{name}.trace"
        trace.parent.mkdir(parents=True, exist_ok=True)
        plan = self.constellation.plan
        environment = {
            **self._base,
            "FAIRDB_PORT": str(port),
            "FAIRDB_METRICS_PORT": str(metrics),
            "FAIRDB_DATABASE_URL": plan.urls.database["gateway"],
            "FAIRDB_SIGNING_KEY_FILE": str(plan.credentials.signing_key("gateway")),
            "FAIRDB_CERTIFICATE_DIR": str(plan.credentials.authority.folder("gateway")),
            **{file.variable: str(plan.credentials.key_file("gateway", file)) for file in find("gateway").key_files},
            "FAIRDB_DRAIN_SECONDS": "0",
            "FAIRDB_TEST_TRACE": str(trace),
            **env,
            **{f"FAIRDB_TEST_{name.upper()}": value for name, value in points.items()},
        }
        argv = (sys.executable, str(DYING)) if points else (sys.executable, "-m", "gateway")
        environment["PYTHONPATH"] = str(CHECKOUT)
        log = self.root / f"{name}.log"
        child = process.spawn(Command(argv, environment, CHECKOUT, log), detached=False)
        gateway = Gateway(child, f"{LOOPBACK}:{port}", plan.credentials, trace, log)
        try:
            await gateway.ready(await self.account(consented=False))
            yield gateway
        finally:
            await process.kill(child)

    async def account(self, *roles: str, consented: bool = True) -> Account:
        """Sign a token for a new account, and grant its consent to the creation of samples."""
        id = str(uuid4())
        token = self._signer.sign(
            ACCOUNT_AUDIENCE, 900, {"sub": id, "sid": str(uuid4()), "roles": roles or [Role.Name(Role.ROLE_RESEARCHER)]}
        )
        account = Account(id, [("authorization", f"Bearer {token}")])
        if consented:
            async with self.constellation.channel("privacy_svc") as channel:
                request = GrantConsentRequest(purpose="sample_creation")
                account.consent = (
                    await ConsentServiceStub(channel).GrantConsent(request, metadata=account.metadata)
                ).id
        return account

    async def admin(self) -> Account:
        return await self.account(Role.Name(Role.ROLE_ADMIN), consented=False)

    async def expire_leases(self, account: Account, *, in_seconds: float = -0.001) -> None:
        """Set the leases of the gateways that own an account's sagas to expire `in_seconds` from now."""
        await self.database.execute(EXPIRE, account.id, in_seconds)

    async def bar(self, account: Account) -> None:
        """Make backend_svc refuse samples that depend on the account's consent, while privacy_svc still accepts it."""
        await self.database.execute(
            "INSERT INTO backend_svc.barrier (consent, actor) VALUES ($1, $2)", account.consent, account.id
        )

    async def ids(self, query: str, account: Account) -> list[str]:
        return [str(row[0]) for row in await self.database.fetch(query, account.id)]

    async def sagas(self, account: Account) -> list[asyncpg.Record]:
        return await self.database.fetch(SAGAS, account.id)

    async def ended(self, account: Account, *, within: float = 60.0) -> list[asyncpg.Record]:
        """Wait until each saga of an account has ended or is parked; return their rows."""

        async def over() -> bool:
            return all(row["state"] > 3 or row["parked"] for row in await self.sagas(account))

        await eventually(over, within=within)
        return await self.sagas(account)

    async def check_consistency(self, account: Account) -> list[str]:
        """Check the data of every service against the account's ended sagas; return the ids of its samples.

        Nothing may be left over from an undone saga, and nothing may exist twice.
        """
        sagas = await self.ended(account)
        done = {str(row["id"]) for row in sagas if row["state"] == 5}
        samples = await self.ids(SAMPLES, account)
        assert set(samples) == done, "samples and finished sagas must correspond"
        assert set(await self.ids(PREPARED, account)) == done, "preparations and finished sagas must correspond"
        for row in await self.database.fetch(SAMPLES, account.id):
            assert row["state"] == 3, "the sample must be processed"
        per_sample = len(samples)
        events = [row["type"] for row in await self.database.fetch(EVENTS, account.id)]
        expected = ("sample.created", "sample.validated", "sample.anonymized", "sample.indexed", "sample.processed")
        assert sorted(events) == sorted(per_sample * expected)
        audit = [row["action"] for row in await self.database.fetch(AUDIT, account.id)]
        assert sorted(audit) == sorted(per_sample * ("store", "index", "notify"))
        return samples


@asynccontextmanager
async def open_rig(root: Path, ports: Any) -> AsyncIterator[Rig]:
    """Start the services, and one gateway once, so that its schema exists."""
    # Without an embargo, a store that is refused writes nothing at all.
    extra = {"backend_svc": {"FAIRDB_EMBARGO_SECONDS": "0"}}
    async with Constellation(root, ports, components=COMPONENTS, extra_env=extra) as constellation:
        pool = await asyncpg.create_pool(constellation.plan.admin_url, min_size=0, max_size=4)
        try:
            rig = Rig(constellation, pool)
            async with rig.gateway():
                pass
            yield rig
        finally:
            await asyncio.wait_for(pool.close(), 10)
