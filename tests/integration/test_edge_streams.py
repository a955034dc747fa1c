"""What Envoy makes of a file that is imported: it passes on what comes, both ways, and holds none of it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.edge_rig import Edge, Issuer, Upstream, edge_running, upstream_running

PATH = "/api/samples:import"
ISSUER = Issuer("key-1")
HEADERS = {**ISSUER.bearer(), "Content-Type": "text/csv"}
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    async with upstream_running() as running:
        yield running


@pytest.fixture(scope="module")
async def edge(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    async with edge_running(tmp_path_factory.mktemp("edge"), [upstream.address], [ISSUER.jwk()]) as running:
        yield running


async def test_answers_come_while_the_file_is_still_being_sent(edge: Edge, upstream: Upstream) -> None:
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
    # It may last as long as it likes.
    assert upstream.imports.time_remaining is None


async def test_a_file_is_as_long_as_its_service_takes(edge: Edge) -> None:
    answer = await edge.http.post(PATH, content=b"x" * (5 * MEGABYTE), headers=HEADERS)
    assert answer.status_code == 200
    sizes = [int(line) for line in answer.text.split()]
    assert sum(sizes) == 5 * MEGABYTE
    # What Envoy holds of it at a time.
    assert max(sizes) <= MEGABYTE


async def test_a_service_can_refuse_a_file_by_its_type(edge: Edge) -> None:
    answer = await edge.http.post(PATH, content=b"{}", headers={**HEADERS, "Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert "x-http-code" not in answer.headers


@pytest.mark.parametrize("token", [None, "none"])
async def test_nobodys_file_is_read_without_a_token(edge: Edge, upstream: Upstream, token: str | None) -> None:
    upstream.imports.first = None
    headers = {"Content-Type": "text/csv"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = await edge.http.post(PATH, content=b"a\n1\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, 16)
    assert upstream.imports.first is None
