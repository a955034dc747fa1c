"""The registry client, with answers that a healthy Consul does not give; test_edge_agent uses a real Consul."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from consul.exceptions import ConsulException
from pydantic import ValidationError
from requests.exceptions import ReadTimeout, TooManyRedirects

from chassis.registry.consul import Consul, ConsulError
from chassis.registry.discovery import Registry, next_index
from chassis.serving.settings import Settings
from deploy.local.layout import CHECKOUT
from tests.waiting import eventually

OK, NOT_FOUND, FORBIDDEN = "200 OK", "404 Not Found", "403 Forbidden"
# The script exits while a watch is pending, like a service that stops.
WATCH_AND_END = """
import asyncio, sys
from chassis.registry.discovery import Registry

async def main():
    watch = asyncio.create_task(Registry(sys.argv[1]).follow("gateway", print))
    await asyncio.to_thread(sys.stdin.readline)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)

asyncio.run(main())
"""


@dataclass
class Agent:
    """Gives the same answer to every request, and records the requests. While `hangs` is true, it does not answer."""

    status: str = OK
    headers: str = ""
    body: str = "[]"
    url: str = ""
    hangs: bool = False
    hangs_at: str = ""
    """Requests for paths that begin with this are never answered."""
    requests: list[str] = field(default_factory=list[str])
    connections: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        if self.hangs or (self.hangs_at and head.startswith(f"GET {self.hangs_at}")):
            await reader.read()
        else:
            answer = (
                f"HTTP/1.1 {self.status}\r\n{self.headers}Connection: close\r\nContent-Length: {len(self.body)}\r\n\r\n"
            )
            writer.write(f"{answer}{self.body}".encode())
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    server = await asyncio.start_server(agent.answer, "127.0.0.1", 0)
    agent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield agent
    server.close()
    for connection in agent.connections:
        connection.close()


async def test_answer_without_an_index_is_an_error(agent: Agent) -> None:
    async with Consul(agent.url) as consul:
        with pytest.raises(ConsulException, match="index"):
            await consul.instances("gateway", passing=True)
        agent.headers = "x-consul-index: 7\r\n"
        assert await consul.instances("gateway", passing=True) == (7, [])


async def test_query_waits_only_with_an_index(agent: Agent) -> None:
    agent.headers = "X-Consul-Index: 7\r\n"
    async with Consul(agent.url) as consul:
        await consul.instances("gateway", wait_seconds=30)
        await consul.instances("gateway", index=7, wait_seconds=30)
    first, second = (head.splitlines()[0] for head in agent.requests)
    assert first.startswith("GET /v1/health/service/gateway HTTP")
    assert second.startswith("GET /v1/health/service/gateway?index=7&wait=30s ")


async def test_refusal_carries_its_status(agent: Agent) -> None:
    agent.status, agent.body = FORBIDDEN, "Permission denied"
    async with Consul(agent.url) as consul:
        with pytest.raises(ConsulError, match="403 Permission denied") as refused:
            await consul.deregister("gateway-1")
        assert refused.value.status == 403


async def test_deregistering_an_unknown_instance_succeeds(agent: Agent) -> None:
    agent.status = NOT_FOUND
    async with Consul(agent.url) as consul:
        await consul.deregister("gateway-1")


async def test_token_from_the_environment_is_sent(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "a-token")
    agent.body = "{}"
    async with Consul(agent.url) as consul:
        assert await consul.services_of_agent() == {}
        agent.body = '{"Config": {"Version": "1.8.7"}}'
        assert await consul.version() == "1.8.7"
    assert all("x-consul-token: a-token" in request.lower() for request in agent.requests)


async def test_token_does_not_follow_a_redirect(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "a-token")
    agent.status, agent.headers = "307 Temporary Redirect", f"Location: {agent.url}elsewhere\r\n"
    async with Consul(agent.url) as consul:
        with pytest.raises(TooManyRedirects) as refused:
            await consul.leader()
    assert isinstance(refused.value, OSError)  # the type that callers also handle for an unavailable agent
    assert len(agent.requests) == 1


def test_environment_does_not_turn_off_the_verification_of_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_SSL_VERIFY", "false")
    assert Consul("https://consul")._client.http.verify is True


async def test_name_with_a_slash_stays_one_name(agent: Agent) -> None:
    agent.headers = "X-Consul-Index: 7\r\n"
    async with Consul(agent.url) as consul:
        await consul.instances("a/b c%")
        await consul.deregister("a/b?c")
    paths = [head.split()[1] for head in agent.requests]
    assert paths == ["/v1/health/service/a%2Fb%20c%25", "/v1/agent/service/deregister/a%2Fb%3Fc"]


async def test_proxy_of_the_environment_is_not_used(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    agent.body = '"127.0.0.1:8300"'
    async with Consul(agent.url) as consul:
        assert await consul.leader() == "127.0.0.1:8300"


async def test_pending_watch_does_not_delay_the_end_of_the_process(agent: Agent) -> None:
    agent.hangs = True
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCH_AND_END, agent.url, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )

    async def watches() -> bool:
        return bool(agent.requests)

    await eventually(watches, within=30)
    started = time.monotonic()
    assert process.stdin is not None
    process.stdin.write(b"end\n")
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert time.monotonic() - started < 4.0  # The read timeout alone is 5 seconds.


async def test_hung_agent_does_not_pile_up_calls(agent: Agent) -> None:
    agent.hangs = True
    registry = Registry(agent.url)

    async def ping() -> None:
        async with asyncio.timeout(0.2):
            await registry.ping()

    results = await asyncio.gather(*(ping() for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 20
    assert len(agent.requests) == 1


async def test_slow_query_does_not_delay_a_ping(agent: Agent) -> None:
    agent.hangs_at, agent.body = "/v1/catalog", '"127.0.0.1:8300"'
    registry = Registry(agent.url)
    listing = asyncio.create_task(registry.instances())

    async def is_listing() -> bool:
        return bool(agent.requests)

    await eventually(is_listing)
    await registry.ping()
    assert not listing.done()
    listing.cancel()
    await registry.aclose()


async def test_ping_of_a_hung_agent_times_out(agent: Agent) -> None:
    agent.hangs = True
    async with aclosing(Registry(agent.url)) as registry:
        with pytest.raises(ReadTimeout):
            await registry.ping()


async def test_closed_registry_refuses_calls(agent: Agent) -> None:
    registry = Registry(agent.url)
    await registry.aclose()
    async with asyncio.timeout(30):
        for call in (registry.ping, registry.instances, registry.version):
            with pytest.raises(RuntimeError, match="closed"):
                await call()
    assert not agent.requests


@pytest.mark.parametrize(("index", "answered", "following"), [(None, 7, 7), (7, 9, 9), (9, 7, None), (None, 0, None)])
def test_index_that_goes_backwards_is_dropped(index: int | None, answered: int, following: int | None) -> None:
    assert next_index(index, answered) == following


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://consul", "http://consul:8500"),
        ("http://consul/", "http://consul:8500"),
        ("https://consul:8501/registry/", "https://consul:8501/registry"),
        ("http://[::1]", "http://[::1]:8500"),
    ],
)
def test_url_without_a_port_uses_the_port_of_consul(url: str, base: str) -> None:
    assert Consul(url)._client.http.base_uri == base


@pytest.mark.parametrize(
    "url", ["", "consul:8500", "//consul", "http://", "http:///v1", "ftp://consul", "http://consul:x"]
)
def test_url_without_a_scheme_or_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must have a scheme and a host"):
        Consul(url)
    with pytest.raises(ValidationError, match="FAIRDB_CONSUL_URL must have a scheme and a host"):
        Settings.model_validate({"consul_url": url})


async def test_release_that_the_token_may_not_read_is_unknown(agent: Agent) -> None:
    agent.body = '{"Config": {"Version": "1.8.7"}}'
    assert await Registry(agent.url).version() == "1.8.7"
    agent.status, agent.body = FORBIDDEN, "Permission denied"
    assert await Registry(agent.url).version() == ""
