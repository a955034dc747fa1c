"""The registry's client, against answers that a Consul in order does not give; test_edge_agent has a real one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from chassis.registry.consul import Consul, ConsulError

OK, NOT_FOUND, FORBIDDEN = "200 OK", "404 Not Found", "403 Forbidden"


@dataclass
class Agent:
    """Answers every request the same way, and keeps what was asked."""

    status: str = OK
    headers: str = ""
    body: str = "[]"
    url: str = ""
    asked: list[str] = field(default_factory=list[str])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        answer = (
            f"HTTP/1.1 {self.status}\r\n{self.headers}Connection: close\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        writer.write(f"{answer}{self.body}".encode())
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    async with await asyncio.start_server(agent.answer, "127.0.0.1", 0) as server:
        agent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield agent


async def test_an_answer_without_its_index_is_an_error(agent: Agent) -> None:
    async with Consul(agent.url) as consul:
        with pytest.raises(ConsulError, match="X-Consul-Index"):
            await consul.instances("gateway", passing=True)
        agent.headers = "x-consul-index: 7\r\n"
        assert await consul.instances("gateway", passing=True) == (7, [])


async def test_only_who_knows_an_index_waits(agent: Agent) -> None:
    agent.headers = "X-Consul-Index: 7\r\n"
    async with Consul(agent.url) as consul:
        await consul.instances("a/b", wait_seconds=30)
        await consul.instances("a/b", index=7, wait_seconds=30)
    first, second = (head.splitlines()[0] for head in agent.asked)
    assert first.startswith("GET /v1/health/service/a%2Fb HTTP")
    assert second.startswith("GET /v1/health/service/a%2Fb?index=7&wait=30s ")


async def test_the_agents_refusal_is_told_by_its_status(agent: Agent) -> None:
    agent.status, agent.body = FORBIDDEN, "Permission denied"
    async with Consul(agent.url) as consul:
        with pytest.raises(ConsulError, match="403 Permission denied") as refused:
            await consul.deregister("gateway-1")
        assert refused.value.status == 403
        agent.status = NOT_FOUND
        await consul.deregister("gateway-1")


async def test_a_token_is_shown(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "a-token")
    agent.body = '"127.0.0.1:8300"'
    async with Consul(agent.url) as consul:
        assert await consul.leader() == "127.0.0.1:8300"
    assert "x-consul-token: a-token" in agent.asked[0].lower()


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://consul", "http://consul:8500/v1"),
        ("http://consul/", "http://consul:8500/v1"),
        ("https://consul:8501/registry/", "https://consul:8501/registry/v1"),
        ("http://[::1]", "http://[::1]:8500/v1"),
    ],
)
async def test_the_port_is_consuls_where_none_is_given(url: str, asked: str) -> None:
    async with Consul(url) as consul:
        assert consul._url == asked
