"""TLS of servers: they speak only to valid certificates, a false server hears nothing, renewal needs no restart."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiormq
import pytest
import pytest_asyncio
from aiormq.exceptions import AMQPError
from yarl import URL

from chassis.identity.certificates import CERTIFICATE, KEY
from chassis.registry.consul import Consul as Registry
from deploy.local import renewal
from deploy.local.authority import Authority
from deploy.local.constellation import Constellation
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports
from deploy.local.servers.consul import Consul
from tests.waiting import eventually

EXPIRED = timedelta(seconds=-1)
HOSTS = {"rabbitmq": "localhost", "consul": LOOPBACK}
HELLO = {"rabbitmq": b"AMQP\0\0\x09\x01", "consul": b"GET /v1/status/leader HTTP/1.1\r\nHost: consul\r\n\r\n"}
"""What a client of each server sends first."""
SERVERS = list(HELLO)


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    async with Constellation(tmp_path_factory.mktemp("a folder"), Ports.free(), components=SERVERS) as running:
        yield running


@pytest.fixture
def strangers(tmp_path: Path) -> Authority:
    """Return another authority, such as that of another checkout."""
    layout = Layout(tmp_path / "strangers")
    layout.create()
    authority = Authority(layout)
    authority.issue_missing()
    return authority


def expired(authority: Authority, holder: str, folder: Path) -> Path:
    """Return a copy of a folder with an expired certificate of the authority; the holder keeps a valid one."""
    authority.issue(holder, EXPIRED)
    copy = authority.folder(holder).resolve().rename(folder)
    authority.issue(holder)
    return copy


def client_context(authority: Authority, folder: Path | None) -> ssl.SSLContext:
    """Return the context of a client that trusts an authority, and shows the certificate in a folder, if any."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if folder is not None:
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context


async def greet(running: Constellation, server: str, context: ssl.SSLContext) -> tuple[bytes, str]:
    """Begin a connection to a server. Return the first bytes of its answer, and its certificate's serial number.

    A client learns that its certificate was refused only when it reads.
    """
    port = running.ports.number(server)
    reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context, server_hostname=HOSTS[server])
    try:
        serial = writer.get_extra_info("peercert")["serialNumber"]
        writer.write(HELLO[server])
        return await asyncio.wait_for(reader.read(8), 20), serial
    except (ssl.SSLError, ConnectionError):
        return b"", ""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("server", SERVERS)
async def test_server_speaks_only_to_holders_of_a_valid_certificate(
    running: Constellation, strangers: Authority, tmp_path: Path, server: str
) -> None:
    authority = running.plan.credentials.authority
    folders = {
        "none": None,
        "of another authority": strangers.folder("gateway"),
        "expired": expired(authority, "gateway", tmp_path / "expired"),
    }
    for name, folder in folders.items():
        answer, _ = await greet(running, server, client_context(authority, folder))
        assert answer == b"", name
    answer, _ = await greet(running, server, client_context(authority, authority.folder("gateway")))
    assert answer != b""


@pytest.mark.parametrize("server", SERVERS)
async def test_server_speaks_no_plain_text(running: Constellation, server: str) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, running.ports.number(server))
    writer.write(HELLO[server])
    try:
        answer = await asyncio.wait_for(reader.read(8), 20)
    except ConnectionError:
        answer = b""
    writer.transport.abort()
    # At most a TLS alert, or Go's hint to use TLS: "HTTP/1.0 400 Bad Request".
    assert answer[:1] in (b"", b"\x15") or answer == b"HTTP/1.0"


@pytest.mark.parametrize("server", SERVERS)
async def test_server_uses_its_renewed_certificate_without_a_restart(running: Constellation, server: str) -> None:
    authority = running.plan.credentials.authority
    context = client_context(authority, authority.folder("gateway"))
    pid = running.pid(server)
    _, before = await greet(running, server, context)
    authority.issue(server)
    component = running.plan.components[server]
    if isinstance(component, Consul):
        await component.reload()
    answer, after = await greet(running, server, context)
    assert answer != b""
    assert after != before
    assert running.pid(server) == pid


async def test_consul_gets_its_certificates_from_the_process_that_renews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(renewal.LIFETIME_VARIABLE, "6")
    async with Constellation(tmp_path, Ports.free(), components=["consul", renewal.NAME]) as short_lived:
        authority = short_lived.plan.credentials.authority

        async def serial() -> str:
            context = client_context(authority, authority.folder("gateway"))
            return (await greet(short_lived, "consul", context))[1]

        seen = {await serial()}

        async def renewed_twice() -> bool:
            seen.add(await serial())
            return len(seen - {""}) >= 3

        await eventually(renewed_twice)


async def test_consul_whose_certificate_has_expired_takes_a_new_one(running: Constellation) -> None:
    authority = running.plan.credentials.authority
    consul = running.plan.components["consul"]
    assert isinstance(consul, Consul)
    authority.issue("consul", EXPIRED)
    await consul.reload()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await greet(running, "consul", client_context(authority, authority.folder("gateway")))
    authority.issue("consul")
    await consul.reload()
    answer, _ = await greet(running, "consul", client_context(authority, authority.folder("gateway")))
    assert answer != b""


@asynccontextmanager
async def false_server(folder: Path) -> AsyncIterator[tuple[int, bytearray]]:
    """Run a server with the certificate in a folder. Yield its port, and what it hears after the handshake."""
    heard = bytearray()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.extend(await reader.read(1024))
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(listen, LOOPBACK, 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1], heard


def false_folders(authority: Authority, strangers: Authority, server: str, tmp_path: Path) -> dict[str, Path]:
    """Return the certificates that a false server could show."""
    return {
        "of a service": authority.folder("backend_svc"),
        "of another server": authority.folder("consul" if server == "rabbitmq" else "rabbitmq"),
        "of another authority": strangers.folder(server),
        "expired": expired(authority, server, tmp_path / "expired server"),
    }


async def test_false_broker_hears_nothing(running: Constellation, strangers: Authority, tmp_path: Path) -> None:
    url = URL(running.plan.urls.broker["gateway"])
    folders = false_folders(running.plan.credentials.authority, strangers, "rabbitmq", tmp_path)
    for name, folder in folders.items():
        async with false_server(folder) as (port, heard):
            with pytest.raises((AMQPError, OSError), match="certificate verify failed"):
                await aiormq.connect(url.with_port(port))
            assert heard == b"", name


async def test_false_registry_hears_nothing(
    running: Constellation, strangers: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in running.plan.urls.consul["gateway"].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("CONSUL_HTTP_SSL_VERIFY", "false")
    async with Registry(running.plan.urls.consul["gateway"]["FAIRDB_CONSUL_URL"]) as registry:
        assert await registry.leader() != ""
    folders = false_folders(running.plan.credentials.authority, strangers, "consul", tmp_path)
    for name, folder in folders.items():
        async with false_server(folder) as (port, heard), Registry(f"https://{LOOPBACK}:{port}") as registry:
            with pytest.raises(OSError, match="certificate verify failed"):
                await registry.leader()
            assert heard == b"", name
