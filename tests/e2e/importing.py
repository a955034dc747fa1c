"""Imports: files with good and bad rows, and ways to send them."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx

from tests.platform import Account, Platform

PATH = "/api/samples:import"
NDJSON, CSV, TSV = "application/x-ndjson", "text/csv", "text/tab-separated-values"
SECRET = "Zephyrine Oddweather"

Sample = dict[str, Any]
Answer = list[dict[str, Any]]


def samples(count: int) -> list[Sample]:
    """Return valid samples. Many of them are equal."""
    return [{"organism": "E. coli", "metadata": {"body_site": "feces", "age": str(20 + n % 50)}} for n in range(count)]


def to_file(content_type: str, rows: Sequence[Sample | str]) -> bytes:
    """Return a file with these rows. Samples are encoded; texts are written as they are."""
    if content_type == NDJSON:
        return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows).encode()
    written = io.StringIO(newline="")
    titles = ["organism", "subject", "collection_date", "taxonId", "requestId", "body_site", "age"]
    table = csv.writer(written, delimiter="," if content_type == CSV else "\t", lineterminator="\n")
    table.writerow(titles)
    for row in rows:
        if isinstance(row, str):
            written.write(row + "\n")
        else:
            cells = {**row, **row.get("metadata", {})}
            table.writerow(
                [cells.get(title, cells.get("collectionDate") if "_date" in title else "") for title in titles]
            )
    return written.getvalue().encode()


def answers_of(response: httpx.Response) -> tuple[Answer, dict[str, Any]]:
    """Return the rows and the summary of a complete answer."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == NDJSON
    *rows, last = (line for line in map(json.loads, response.text.splitlines()) if "columns" not in line)
    assert [row["row"] for row in rows] == list(range(1, len(rows) + 1))
    return rows, last["summary"]


async def send(account: Account, content: bytes, content_type: str, **parameters: str) -> httpx.Response:
    """Import a file in one request."""
    headers = {**account.headers, "Content-Type": content_type}
    return await account.http.post(PATH, content=content, headers=headers, params=parameters, timeout=120)


async def stored_ids(account: Account) -> set[str]:
    """Return the ids of all samples that an account owns."""
    found, token = set[str](), ""
    while True:
        parameters = {"filter": f'owner = "{account.id}"', "pageSize": 200, "pageToken": token}
        page = (await account.call("GET", "/api/samples", params=parameters)).json()
        found |= {sample["id"] for sample in page["samples"]}
        token = page["nextPageToken"]
        if not token:
            return found


class Exchange:
    """An import that sends rows and reads answers at the same time."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.response: aiohttp.ClientResponse | None = None

    def send(self, piece: bytes) -> None:
        self._pieces.put_nowait(piece)

    def end(self) -> None:
        self._pieces.put_nowait(None)

    async def body(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def read(self) -> Mapping[str, Any]:
        assert self.response is not None
        return json.loads(await self.response.content.readline())


@asynccontextmanager
async def exchanging(platform: Platform, account: Account, first: bytes, content_type: str) -> AsyncIterator[Exchange]:
    """Start an import with its first bytes, and close the connection at the end."""
    exchange = Exchange()
    exchange.send(first)
    headers = {**account.headers, "Content-Type": content_type}
    async with aiohttp.ClientSession(platform.constellation.edge_url) as session:
        response = await session.post(PATH, data=exchange.body(), headers=headers)
        exchange.response = response
        try:
            yield exchange
        finally:
            response.close()
