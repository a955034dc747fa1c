"""A running backend_svc on its own database, without broker and registry, and the requests that its tests send."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest_asyncio
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from uuid6 import uuid7

from backend_svc.app import Settings, open_app
from backend_svc.lifecycle import consumers
from chassis import call_context
from chassis.call_context import SERVICE_TOKEN, Call, Caller
from chassis.identity.certificates import Certificate
from chassis.identity.transport import tls_channel
from chassis.serving.server import serving
from chassis.storage.database import Database, open_database
from fairdb.backend.v1 import backend_service_pb2 as pb
from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceStub, BackendServiceStub
from fairdb.events.v1.event_pb2 import Event
from fairdb.options.v1.access_pb2 import ROLE_RESEARCHER, Principal
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    FieldClass,
)
from fairdb.samples.v1.sample_pb2 import Sample
from tests.integration.conftest import NewDatabase, Servers

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendNotificationServiceAsyncStub, BackendServiceAsyncStub

PUBLIC, QUASI, SENSITIVE = FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE
RESTRICTED = FIELD_CLASS_RESTRICTED
STUDY = "0190a000-0000-7000-8000-000000000001"

Metadata = Mapping[str, tuple[str | float | bool | None, FieldClass.ValueType | int]]


def principal(account: str) -> Principal:
    return Principal(user_id=account, roles=[ROLE_RESEARCHER])


def new_account() -> str:
    return str(uuid4())


def store_request(
    owner: str,
    metadata: Metadata | None = None,
    *,
    id: str = "",
    organism: str = "human gut metagenome",
    consents: Sequence[str] = (),
    claim: pb.IdempotencyClaim | None = None,
    **fields: str | int,
) -> pb.StoreSampleRequest:
    """Return a request to store a sample with metadata of the given values and classes."""
    given = metadata or {}
    sample = Sample(id=id or str(uuid7()), organism=organism, **{"study": STUDY, **fields})
    for name, (value, _) in given.items():
        match value:
            case bool():
                sample.metadata[name].bool_value = value
            case str():
                sample.metadata[name].string_value = value
            case None:
                sample.metadata[name].null_value = 0  # pyright: ignore[reportAttributeAccessIssue]
            case _:
                sample.metadata[name].number_value = value
    return pb.StoreSampleRequest(
        principal=principal(owner),
        stored=pb.StoredSample(
            sample=sample,
            classes={f"metadata.{name}": FieldClass.ValueType(field_class) for name, (_, field_class) in given.items()},
        ),
        consents=consents or [str(uuid4())],
        claim=claim,
    )


@dataclass
class Refused(Exception):
    """A failed call, as its caller sees it."""

    code: grpc.StatusCode
    reason: str
    violations: dict[str, str]

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> "Refused":
        status = rpc_status.from_call(error)  # pyright: ignore[reportArgumentType]
        info, bad = ErrorInfo(), BadRequest()
        for detail in status.details if status else ():
            detail.Unpack(info)
            detail.Unpack(bad)
        return cls(error.code(), info.reason, {item.field: item.description for item in bad.field_violations})


@dataclass
class Backend:
    """A running backend_svc: its stubs, and a connection to its database for checks that no RPC offers."""

    samples: "BackendServiceAsyncStub"
    as_privacy: "BackendServiceAsyncStub"
    notifications: "BackendNotificationServiceAsyncStub"
    database: Database

    async def store(self, request: pb.StoreSampleRequest) -> pb.StoreSampleResponse:
        try:
            return await self.samples.StoreSample(request)
        except grpc.aio.AioRpcError as error:
            raise Refused.of(error) from None

    async def get(self, id: str) -> Sample:
        try:
            return (await self.samples.GetStoredSample(pb.GetStoredSampleRequest(id=id))).sample
        except grpc.aio.AioRpcError as error:
            raise Refused.of(error) from None

    async def find(self, reader: str, filter: str = "", page_size: int = 200, **arguments: object) -> list[str]:
        return [item.sample.id for item in (await self.page(reader, filter, page_size, **arguments)).samples]

    async def page(
        self, reader: str, filter: str = "", page_size: int = 200, **arguments: object
    ) -> pb.ListStoredSamplesResponse:
        request = pb.ListStoredSamplesRequest(
            principal=principal(reader),
            filter=filter,
            page_size=page_size,
            **{"everywhere": [PUBLIC], "own": [PUBLIC, QUASI, SENSITIVE], **arguments},
        )
        try:
            return await self.samples.ListStoredSamples(request)
        except grpc.aio.AioRpcError as error:
            raise Refused.of(error) from None

    async def events(self, id: str) -> Sequence[Event]:
        return (await self.samples.ListEvents(pb.ListEventsRequest(subject=id))).events

    async def actions(self, id: str) -> list[tuple[str, str]]:
        answer = await self.samples.ListAuditEntries(pb.ListAuditEntriesRequest(sample_id=id, page_size=200))
        return [(entry.action, entry.actor) for entry in answer.entries]

    async def quarantine(self, consent: str, actor: str) -> int:
        request = pb.QuarantineRequest(consent=consent, actor=actor)
        return (await self.as_privacy.Quarantine(request)).sample_count

    async def handle(self, subscription_index: int, event: Event) -> None:
        """Let a consumer handle an event, in a transaction and a call context as the inbox provides them."""
        call_context.enter(Call(correlation_id=event.correlation_id, caller=Caller(service="backend_svc")))
        async with self.database.transaction() as connection:
            await consumers.SUBSCRIPTIONS[subscription_index].handler(connection, [event])

    async def index(self, id: str) -> None:
        await self.handle(0, await self.event(id, "sample.anonymized"))

    async def notify(self, id: str) -> None:
        await self.handle(1, await self.event(id, "sample.indexed"))

    async def event(self, id: str, type: str) -> Event:
        return next(event for event in await self.events(id) if event.type == type)

    async def add(self, owner: str, metadata: Metadata | None = None, **arguments: object) -> str:
        """Store and index a sample; return its id."""
        answer = await self.store(store_request(owner, metadata, **arguments))  # pyright: ignore[reportArgumentType]
        id = answer.stored.sample.id
        await self.index(id)
        return id

    async def outbox(self) -> list[Event]:
        """Return the events in the outbox."""
        return [Event.FromString(row["event"]) for row in await self.database.pool.fetch("SELECT event FROM outbox")]


@pytest_asyncio.fixture
async def backend(servers: Servers, new_database: NewDatabase) -> AsyncIterator[Backend]:
    # Without an embargo, every reader sees samples at once.
    async with running(servers, await new_database("backend_svc"), embargo_seconds=0) as backend:
        yield backend


@asynccontextmanager
async def running(servers: Servers, url: str, *, embargo_seconds: int) -> AsyncIterator[Backend]:
    """Yield a running backend_svc with this setting."""

    def stub_channel(service: str, port: int) -> grpc.aio.Channel:
        credentials = servers.plan.credentials
        token = credentials.service_token(service, "backend_svc")
        certificate = Certificate.read(credentials.authority.folder(service))
        return tls_channel(certificate, "backend_svc", f"127.0.0.1:{port}", interceptors=[_WithToken(token)])

    settings = Settings(**servers.settings("backend_svc", url), embargo_seconds=embargo_seconds)
    async with (
        serving("backend_svc", settings, open_app) as port,
        open_database(url, []) as database,
        stub_channel("gateway", port) as gateway,
        stub_channel("privacy_svc", port) as privacy,
    ):
        yield Backend(
            BackendServiceStub(gateway), BackendServiceStub(privacy), BackendNotificationServiceStub(gateway), database
        )


class _WithToken(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds a service token to each call."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        metadata = grpc.aio.Metadata((SERVICE_TOKEN, self._token))
        details = client_call_details._replace(metadata=metadata)  # pyright: ignore[reportAttributeAccessIssue]
        return await continuation(details, request)
