"""Mutual TLS: whoever does not prove a name receives nothing and is told nothing; everybody else is served."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from chassis.identity.certificates import EDGE, OPERATOR, Certificate
from chassis.identity.transport import tls_channel
from deploy.local.authority import Authority
from deploy.local.constellation import Constellation
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK
from fairdb.auth.v1.auth_service_pb2 import LoginRequest
from fairdb.auth.v1.auth_service_pb2_grpc import AuthServiceStub
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from fairdb.samples.v1.sample_service_pb2 import ListSamplesRequest
from fairdb.samples.v1.sample_service_pb2_grpc import SampleServiceStub
from tests.platform import PASSWORD, Platform
from tests.waiting import eventually

REQUEST = GetStoredSampleRequest(id="0190a000-0000-7000-8000-000000000001")
UNSEEN = "Bifidobacterium secretum"
"""Part of each sample that these tests create: nobody in between may see it."""


# --- fake services ---


@dataclass
class Fake:
    """A program that listens in the name of a service and records what it receives."""

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    """Bytes of connections, and the metadata and messages of calls."""
    connections: int = 0


@asynccontextmanager
async def grpc_fake(certificate: Certificate | None) -> AsyncIterator[Fake]:
    """Run a gRPC server that answers every call, with a certificate or in plain text. It asks for none."""
    fake = Fake()

    async def record(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        fake.heard += repr(context.invocation_metadata()).encode() + request
        return b""

    class Everything(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
            fake.heard += str(handler_call_details.method).encode()
            return grpc.unary_unary_rpc_method_handler(record)  # pyright: ignore[reportArgumentType]

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Everything(),))
    address = f"{LOOPBACK}:0"
    if certificate is None:
        fake.port = server.add_insecure_port(address)
    else:
        credentials = grpc.ssl_server_credentials([(certificate.key, certificate.chain)])
        fake.port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Fake]:
    """Run a man in the middle, who passes on every byte to a port, both ways, and keeps a copy."""
    fake = Fake()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            fake.heard += data
            writer.write(data)
            await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fake.connections += 1
        onward_reader, onward_writer = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, LOOPBACK, 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()


@asynccontextmanager
async def listed(constellation: Constellation, service: str, fake: Fake) -> AsyncIterator[None]:
    """List a fake in the registry as a healthy instance, with the stolen token of the service."""
    urls = constellation.plan.urls
    headers = {"X-Consul-Token": urls.consul[service]["CONSUL_HTTP_TOKEN"]}
    id = f"fake-{service}-{fake.port}"
    async with httpx.AsyncClient(
        base_url=urls.consul[service]["FAIRDB_CONSUL_URL"],
        headers=headers,
        verify=constellation.plan.credentials.authority.client_context(service),
        trust_env=False,
    ) as consul:
        instance = {"Name": service, "ID": id, "Address": LOOPBACK, "Port": fake.port}
        (await consul.put("/v1/agent/service/register", json=instance)).raise_for_status()
        try:
            yield
        finally:
            (await consul.put(f"/v1/agent/service/deregister/{id}")).raise_for_status()


def other_certificate(kind: str, service: str, constellation: Constellation, folder: Path) -> Certificate | None:
    """Return a certificate with which nobody may pose as a service; None for none at all."""
    authority = constellation.plan.credentials.authority
    if kind == "no TLS":
        return None
    if kind == "another service's certificate":
        return Certificate.read(authority.folder("privacy_svc" if service != "privacy_svc" else "auth_svc"))
    layout = Layout(folder)
    layout.create()
    if kind == "another authority's certificate":
        Authority(layout).issue(service)
        return Certificate.read(Authority(layout).folder(service))
    assert kind == "an expired certificate"
    (layout.secrets / "authority.key.pem").write_bytes(
        (constellation.layout.secrets / "authority.key.pem").read_bytes()
    )
    Authority(layout).certificate.write_bytes(authority.certificate.read_bytes())
    Authority(layout).issue(service, timedelta(seconds=-1))
    return Certificate.read(Authority(layout).folder(service))


KINDS = ["no TLS", "another service's certificate", "another authority's certificate", "an expired certificate"]


@pytest.mark.parametrize("service", ["gateway", "backend_svc", "privacy_svc"])
@pytest.mark.parametrize("kind", KINDS)
async def test_fake_service_in_the_registry_receives_nothing(
    platform: Platform, service: str, kind: str, tmp_path: Path
) -> None:
    constellation = platform.constellation
    researcher = await platform.account(consented=True)
    async with (
        grpc_fake(other_certificate(kind, service, constellation, tmp_path)) as fake,
        listed(constellation, service, fake),
    ):
        await eventually(lambda: knows(constellation, service, fake))
        for _ in range(5):
            await researcher.create(UNSEEN)
        answer = await researcher.call("GET", "/api/samples")
    assert answer.status_code == 200
    assert not fake.heard


async def knows(constellation: Constellation, service: str, fake: Fake) -> bool:
    """Return whether a caller of a service has been told of the fake's address."""
    caller = "edge_agent" if service == "gateway" else "gateway"
    changes = [line for line in constellation.log_files[caller].read_text().splitlines() if "addresses_changed" in line]
    if caller == "edge_agent":
        files = constellation.layout.envoy / "eds" / f"{service}.json"
        return str(fake.port) in files.read_text()
    return any(f":{fake.port}" in line for line in changes)


@pytest.mark.parametrize("service", ["gateway", "backend_svc"])
async def test_man_in_the_middle_reads_nothing(platform: Platform, service: str) -> None:
    constellation = platform.constellation
    researcher = await platform.account(consented=True)
    async with (
        relay(int(constellation.addresses[service].rpartition(":")[2])) as middle,
        listed(constellation, service, middle),
    ):

        async def passed() -> bool:
            await researcher.create(UNSEEN)
            return middle.connections > 0 and len(middle.heard) > 20_000

        await eventually(passed)
    for secret in (UNSEEN.encode(), researcher.token.encode(), b"x-service-token", b"fairdb.backend"):
        assert secret not in bytes(middle.heard)


# --- callers ---

Call = Callable[[grpc.aio.Channel, Platform], Awaitable[Any]]


async def service_call(channel: grpc.aio.Channel, platform: Platform) -> None:
    """Call backend_svc with the token of gateway, as stolen from a log or from memory."""
    metadata = platform.service_metadata("gateway", "backend_svc")
    await BackendServiceStub(channel).GetStoredSample(REQUEST, metadata=metadata, timeout=5)


@pytest.mark.parametrize("holder", ["privacy_svc", "auth_svc", "backend_svc", EDGE, OPERATOR, "rabbitmq"])
async def test_stolen_service_token_is_worth_nothing(platform: Platform, holder: str) -> None:
    async with platform.constellation.channel("backend_svc", holder) as channel:
        assert await refusal(service_call(channel, platform)) in (
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.UNAVAILABLE,  # a server's certificate is not for clients
        )
    async with platform.constellation.channel("backend_svc", "gateway") as channel:
        assert await refusal(service_call(channel, platform)) == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("kind", ["no TLS", "no certificate", *KINDS[2:]])
async def test_caller_without_a_name_reaches_no_service(platform: Platform, kind: str, tmp_path: Path) -> None:
    constellation = platform.constellation
    authorities = constellation.plan.credentials.authority.certificate.read_bytes()
    async with AsyncExitStack() as stack:
        for service in ("auth_svc", "backend_svc", "privacy_svc", "gateway"):
            target = constellation.addresses[service]
            if kind == "no TLS":
                channel = grpc.aio.insecure_channel(target)
            elif kind == "no certificate":
                credentials = grpc.ssl_channel_credentials(authorities)
                channel = grpc.aio.secure_channel(target, credentials, [("grpc.ssl_target_name_override", service)])
            else:
                own = other_certificate(kind, "gateway", constellation, tmp_path / service)
                assert own is not None
                shown = Certificate(own.chain, own.key, authorities, own.thumbprint, own.not_after)
                channel = tls_channel(shown, service, target)
            await stack.enter_async_context(channel)
            call = BackendServiceStub(channel).GetStoredSample(REQUEST, timeout=3)
            assert await refusal(call) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@pytest.mark.parametrize("holder", ["auth_svc", "backend_svc", "privacy_svc"])
async def test_service_cannot_act_for_a_client(platform: Platform, holder: str) -> None:
    """A service that has seen a client's token or password cannot use it."""
    researcher = await platform.register()
    bearer = [("authorization", f"Bearer {researcher.token}")]
    async with platform.constellation.channel("gateway", holder) as channel:
        call = SampleServiceStub(channel).ListSamples(ListSamplesRequest(), metadata=bearer, timeout=5)
        assert await refusal(call) == grpc.StatusCode.UNAUTHENTICATED
    async with platform.constellation.channel("auth_svc", holder) as channel:
        login = LoginRequest(email=researcher.email, password=PASSWORD)
        assert await refusal(AuthServiceStub(channel).Login(login, timeout=5)) == grpc.StatusCode.UNAUTHENTICATED
    async with platform.constellation.channel("auth_svc") as channel:
        assert (await AuthServiceStub(channel).Login(login, timeout=5)).access_token


async def refusal(call: Awaitable[Any]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refused.value.code()
