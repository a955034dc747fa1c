"""Clients that hold connections without using them: others are served meanwhile, and the connections are closed."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from fairdb.samples.v1.sample_service_pb2 import ListSamplesRequest
from tests.abuse import OTHER_CLIENT, Http2Client, Times, be_honest, holding
from tests.edge_rig import LOOPBACK, Edge, Issuer, Upstream, edge_running
from tests.waiting import eventually

ISSUER = Issuer("key-1")

SILENT = b""
HALF_HEADERS = b"GET /api/samples/a HTTP/1.1\r\nHost: a\r\nX-Slow: "
HALF_BODY = (
    b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
)
USED_ONCE = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
HTTP2_WITHOUT_STREAMS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
KINDS = {
    "silent": SILENT,
    "half headers": HALF_HEADERS,
    "half body": HALF_BODY,
    "used once": USED_ONCE,
    "http2": HTTP2_WITHOUT_STREAMS,
}


async def read_a_sample(edge: Edge) -> httpx.Response:
    """Read a sample over a new connection."""
    async with httpx.AsyncClient(base_url=f"http://{edge.address}", timeout=10) as client:
        return await client.get("/api/samples/a", headers=ISSUER.bearer())


async def serve_beside(edge: Edge, count: int, kind: bytes, source: str, *, seconds: float) -> tuple[Times, int]:
    """Serve an honest user while an abuser holds connections; return the user's times and the connections left."""
    end = asyncio.get_running_loop().time() + seconds
    async with holding(edge.port, count, kind, source) as held:
        times = await be_honest(lambda: read_a_sample(edge), lambda: asyncio.get_running_loop().time() > end)
        return times, held.count_open()


@pytest.mark.parametrize("source", ["127.0.0.1", OTHER_CLIENT])
async def test_4000_silent_connections_refuse_nobody(edge: Edge, source: str) -> None:
    times, _ = await serve_beside(edge, 4000, SILENT, source, seconds=2)
    times.check()


@pytest.mark.parametrize("kind", ["silent", "used once", "http2"])
async def test_idle_connections_are_closed_while_many_are_open(upstream: Upstream, tmp_path: Path, kind: str) -> None:
    async with (
        edge_running(tmp_path, [upstream.address], [ISSUER.jwk()], edge_max_connections=400) as edge,
        holding(edge.port, 300, KINDS[kind]) as held,
    ):
        # Without pressure, they would be closed after a minute.
        async with asyncio.timeout(30):
            times = await be_honest(lambda: read_a_sample(edge), lambda: held.count_open() < 100)
        times.check()


async def test_idle_connections_stay_while_few_are_open(edge: Edge) -> None:
    async with holding(edge.port, 50, SILENT) as held:
        times = await be_honest(lambda: read_a_sample(edge), lambda: True)
        times.check()
        assert held.count_open() == 50


async def test_slow_headers_end_after_five_seconds(edge: Edge) -> None:
    async with holding(edge.port, 50, HALF_HEADERS) as held:

        def trickle() -> bool:
            held.send(b"x")
            return held.count_open() == 0

        async with asyncio.timeout(15):
            (await be_honest(lambda: read_a_sample(edge), trickle)).check()


# Together, the long answers are larger than what Envoy accepts on one connection to a service. The service has sent the
# shorter ones completely, so it does not count them any more.
@pytest.mark.parametrize(("connections", "size"), [(1, 1_000_000), (6, 100_000)])
async def test_clients_that_read_no_answers_block_nobody(edge: Edge, connections: int, size: int) -> None:
    request = ListSamplesRequest(page_size=size).SerializeToString()
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            slow = await stack.enter_async_context(Http2Client.connected(LOOPBACK, edge.port))
            for _ in range(90):
                slow.send_call("/fairdb.samples.v1.SampleService/ListSamples", request, ISSUER.bearer())

        async def all_are_running() -> bool:
            return await edge.stat("cluster.gateway.upstream_rq_active") >= 90 * connections

        await eventually(all_are_running)
        end = asyncio.get_running_loop().time() + 3
        times = await be_honest(lambda: read_a_sample(edge), lambda: asyncio.get_running_loop().time() > end)
        times.check()


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["127.0.0.1", OTHER_CLIENT])
async def test_9000_connections_refuse_nobody(edge: Edge, kind: str, source: str) -> None:
    times, left = await serve_beside(edge, 9000, KINDS[kind], source, seconds=30)
    times.check()
    assert left == 0
