"""Large imports: every row is counted, and memory does not grow with the file."""

import json
import time
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import psutil
import pytest

from deploy.local.database import DATABASE
from tests.e2e.importing import CSV, PATH
from tests.platform import Account, Platform

BAD = 137
TITLES = "organism,requestId,sample_name,body_site,age,sex,country,collection_date,note,bmi\n"
GOOD = 'human gut metagenome,,tube {n},feces,{age},female,Denmark,2019-06-01,"taken at home, before breakfast",{bmi}\n'
FLAWS = (
    ",,tube {n},feces,34,,,,,\n",
    "E. coli,,tube {n},feces,many,,,,,\n",
    "E. coli,,tube {n},feces,34,,,never,,\n",
    "E. coli,tube {n}\n",
    'E. coli,,"tube {n},feces,34,,,,,\n',
    "E. coli,,\udcff{n},,,,,,,\n",
)
GROWTH_MB = 40
"""The limit of memory growth: more than the row hashes of 100,000 rows need, and far less than the file's size."""


def make_row(number: int, count: int) -> bytes:
    """Return row `number` of a file with `count` rows. BAD rows of the file are bad, and all rows differ."""
    every = count // BAD
    bad, offset = divmod(number, every)
    text = FLAWS[bad % len(FLAWS)] if offset == every // 2 and bad < BAD else GOOD
    filled = text.format(n=number, age=20 + number % 60, bmi=20 + number % 150 / 10)
    return filled.encode("utf-8", "surrogateescape")


async def file_of(count: int) -> AsyncIterator[bytes]:
    yield TITLES.encode()
    for start in range(0, count, 100):
        yield b"".join(make_row(number, count) for number in range(start, min(start + 100, count)))


async def count_stored(platform: Platform, account: Account) -> int:
    connection = await asyncpg.connect(platform.constellation.plan.admin_url, database=DATABASE)
    try:
        return await connection.fetchval("SELECT count(*) FROM backend_svc.sample WHERE owner = $1", account.id)
    finally:
        await connection.close()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [10_000, 100_000])
async def test_large_file_is_imported_in_constant_memory(platform: Platform, count: int) -> None:
    account = await platform.account(consented=True)
    gateway = psutil.Process(platform.constellation.pid("gateway"))
    start, cpu = time.monotonic(), sum(gateway.cpu_times()[:2])
    megabytes: list[float] = []
    errors: list[dict[str, object]] = []
    number, summary = 0, {}
    headers = {**account.headers, "Content-Type": CSV}
    async with (
        aiohttp.ClientSession(
            platform.constellation.edge_url, timeout=aiohttp.ClientTimeout(total=None, sock_read=120)
        ) as session,
        session.post(PATH, data=file_of(count), headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
        async for line in response.content:
            answer = json.loads(line)
            if "summary" in answer:
                summary = answer["summary"]
                continue
            number += 1
            assert answer["row"] == number
            if "error" in answer:
                errors.append(answer["error"])
            if number % (count // 100) == 0:
                megabytes.append(gateway.memory_info().rss / 2**20)
    seconds = time.monotonic() - start
    cpu = sum(gateway.cpu_times()[:2]) - cpu
    print(f"\n{count} rows: {count / seconds:.0f}/s, {1e6 * cpu / count:.0f} µs of the gateway's CPU each, "
          f"{megabytes[10]:.0f} MB after a tenth, {max(megabytes):.0f} MB at most")  # fmt: skip

    assert summary == {"rows": count, "stored": count - BAD, "repeated": 0, "refused": BAD}
    assert await count_stored(platform, account) == count - BAD
    assert len(errors) == BAD
    assert all(error["violations"] or error["reason"] == "MALFORMED_REQUEST" for error in errors)
    assert {error["reason"] for error in errors} == {"INVALID_REQUEST", "MALFORMED_REQUEST"}
    # Memory hardly grows after the first tenth of the file.
    assert max(megabytes) - megabytes[10] < GROWTH_MB
