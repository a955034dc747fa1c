"""TLS to a Redis server: renewed certificates are used, and a false server is refused."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from redis.exceptions import RedisError

from chassis.identity.certificates import AUTHORITIES, CERTIFICATE, KEY
from chassis.identity.revocation import connect_redis
from deploy.local.authority import Authority
from deploy.local.layout import Layout

HOLDER = "gateway"
FOR_LOOPBACK = "consul"
"""Whose certificate is for 127.0.0.1."""


class Server:
    """Accepts clients with a certificate, notes its serial number, and hangs up."""

    def __init__(self, authority: Authority, holder: str) -> None:
        folder = authority.folder(holder)
        self.seen: list[str] = []
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(folder / CERTIFICATE, folder / KEY)

    async def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(writer.get_extra_info("peercert")["serialNumber"])
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        async with server:
            yield server.sockets[0].getsockname()[1]


@pytest_asyncio.fixture
async def authority(tmp_path: Path) -> Authority:
    layout = Layout(tmp_path / "a folder")
    layout.create()
    authority = Authority(layout)
    authority.issue_missing((HOLDER, FOR_LOOPBACK, "backend_svc"))
    return authority


def url_of(authority: Authority, port: int) -> str:
    folder = authority.folder(HOLDER)
    files = {
        "ssl_ca_certs": folder / AUTHORITIES,
        "ssl_certfile": folder / CERTIFICATE,
        "ssl_keyfile": folder / KEY,
    }
    return f"rediss://127.0.0.1:{port}/0?{urlencode(files)}"


async def test_reconnecting_client_shows_its_renewed_certificate(authority: Authority) -> None:
    server = Server(authority, FOR_LOOPBACK)
    async with server.running() as port, connect_redis(url_of(authority, port)) as redis:
        for _ in range(2):
            with pytest.raises(RedisError):
                await redis.ping()
        (before,) = {*server.seen}
        authority.issue(HOLDER)
        with pytest.raises(RedisError):
            await redis.ping()
        assert server.seen[-1] != before


async def test_server_with_the_certificate_of_a_service_is_refused(authority: Authority) -> None:
    server = Server(authority, "backend_svc")
    async with server.running() as port, connect_redis(url_of(authority, port)) as redis:
        with pytest.raises(RedisError, match="certificate verify failed"):
            await redis.ping()
        assert server.seen == []
