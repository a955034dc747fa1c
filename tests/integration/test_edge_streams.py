"""Imported files through the edge: it streams in both directions and does not buffer the whole file."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import pytest

from fairdb.samples.v1 import import_service_pb2, import_service_pb2_grpc
from tests.edge_rig import Edge, Issuer, Upstream
from tests.waiting import eventually

PATH = "/api/samples:import"
ISSUER = Issuer("key-1")
HEADERS = {**ISSUER.bearer(), "Content-Type": "text/csv"}
MEGABYTE = 1024 * 1024


async def test_answers_arrive_while_the_file_is_sent(edge: Edge, upstream: Upstream) -> None:
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while piece := await pieces.get():
            yield piece

    pieces.put_nowait(b"abc")
    async with (
        aiohttp.ClientSession(f"http://{edge.address}") as session,
        session.post(f"{PATH}?organism=E.+coli", data=body(), headers=HEADERS) as response,
    ):
        assert (response.status, response.content_type) == (200, "application/x-ndjson")
        for size in (3, 5, 7):
            assert await response.content.readline() == b"%d\n" % size
            pieces.put_nowait(b"x" * (size + 2))
        pieces.put_nowait(b"")
        assert await response.content.read() == b"9\n"
    assert upstream.imports.first is not None
    assert (upstream.imports.first.organism, upstream.imports.first.file.data) == ("E. coli", b"abc")
    # A stream has no deadline.
    assert upstream.imports.time_remaining is None


async def test_many_streams_in_progress_refuse_no_other(edge: Edge, upstream: Upstream) -> None:
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        await never.wait()

    async with (
        aiohttp.ClientSession(f"http://{edge.address}", connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as group,
    ):
        streams = [group.create_task(session.post(PATH, data=body(), headers=HEADERS)) for _ in range(100)]
        await eventually(lambda: edge.stat("cluster.gateway.upstream_rq_active"), within=10)
        assert [(await stream).status for stream in streams] == [200] * 100
        assert (await edge.http.post(PATH, content=b"abc", headers=HEADERS)).status_code == 200
        for stream in streams:
            stream.result().close()


async def test_edge_does_not_limit_a_file(edge: Edge) -> None:
    answer = await edge.http.post(PATH, content=b"x" * (5 * MEGABYTE), headers=HEADERS)
    assert answer.status_code == 200
    sizes = [int(line) for line in answer.text.split()]
    assert sum(sizes) == 5 * MEGABYTE
    # Envoy buffers at most this many bytes at a time.
    assert max(sizes) <= MEGABYTE


async def test_service_can_reject_a_file_by_type(edge: Edge) -> None:
    answer = await edge.http.post(PATH, content=b"{}", headers={**HEADERS, "Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert "x-http-code" not in answer.headers


@pytest.mark.parametrize("token", [None, "none"])
async def test_file_without_a_token_is_not_read(edge: Edge, upstream: Upstream, token: str | None) -> None:
    upstream.imports.first = None
    headers = {"Content-Type": "text/csv"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = await edge.http.post(PATH, content=b"a\n1\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, 16)
    assert upstream.imports.first is None


async def test_silent_streams_do_not_block_other_calls(edge: Edge) -> None:
    silent = asyncio.Event()

    async def body() -> AsyncIterator[import_service_pb2.ImportFileRequest]:
        await silent.wait()
        yield import_service_pb2.ImportFileRequest()

    async def stream(stub: Any) -> grpc.StatusCode:
        call = stub.ImportFile(body(), metadata=tuple(ISSUER.bearer().items()))
        return await call.code()

    # Several connections, because one carries at most 100 streams.
    channels = [
        grpc.aio.insecure_channel(edge.address, options=[("grpc.use_local_subchannel_pool", 1), ("number", number)])
        for number in range(4)
    ]
    stubs = [import_service_pb2_grpc.ImportServiceStub(channel) for channel in channels]
    streams = [asyncio.create_task(stream(stubs[number % 4])) for number in range(360)]

    async def all_are_running() -> bool:
        return await edge.stat("cluster.gateway.upstream_rq_active") >= len(streams)

    try:
        async with asyncio.timeout(10):
            await eventually(all_are_running)
        assert (await edge.http.get("/api/samples/1", headers=ISSUER.bearer())).status_code == 200
    finally:
        for waiting in streams:
            waiting.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        for channel in channels:
            await channel.close()
