"""Each server hangs under load, and later goes on. Calls end in time, nothing is lost, and nobody has to help."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from tests.chaos.load import HANG, at_least, create_until, healthy, stored_samples_were_acknowledged_or_unknown
from tests.error_answers import assert_error, reason_of
from tests.platform import Account, Platform
from tests.waiting import eventually

RECOVERY = 15.0
"""Seconds after which the platform is healthy again and creates samples."""
SERVERS = {
    "postgres": ("database", 503, "critical"),
    "redis": ("cache", 200, "degraded"),
    "rabbitmq": ("queue", 200, "degraded"),
    "consul": ("registry", 200, "degraded"),
}
"""For each server: its name in health answers, and their HTTP status and overall status while it hangs."""
SHORT = {"postgres": 11, "redis": 2, "rabbitmq": 11, "consul": 6}
"""Seconds that outlive the limit of a statement, of a command, of a confirmation and of an answer."""
LONG = 45
"""Seconds that outlive heartbeats, registrations in Consul and the deadlines of all calls, too."""


@pytest_asyncio.fixture(scope="module")
async def constellation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    async with Constellation(tmp_path_factory.mktemp("hung"), Ports.free()) as running:
        yield running


@pytest_asyncio.fixture
async def platform(constellation: Constellation) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=HANG) as http:
        yield Platform(constellation, http)


@pytest.mark.parametrize(
    ("server", "seconds"),
    [
        *(pytest.param(server, seconds, id=server) for server, seconds in SHORT.items()),
        *(
            pytest.param(server, LONG, id=f"{server} for long", marks=[pytest.mark.soak, pytest.mark.timeout(600)])
            for server in SERVERS
        ),
    ],
)
async def test_server_hangs_and_goes_on(platform: Platform, server: str, seconds: int) -> None:
    researcher = await platform.account(consented=True)
    acknowledged: list[str] = []
    statuses: list[int] = []
    stop = asyncio.Event()
    load = [asyncio.create_task(create_until(stop, researcher, acknowledged)) for _ in range(2)]
    reading = asyncio.create_task(read_until(stop, researcher, statuses))
    try:
        await eventually(lambda: at_least(acknowledged, 10))
        with hanging(platform.constellation, server):
            began, reads = time.monotonic(), len(statuses)
            await eventually(lambda: health_shows(platform, server))
            # The first call may have begun before; the second one meets a server that hangs.
            await eventually(lambda: longer(statuses, reads + 2))
            await asyncio.sleep(seconds - (time.monotonic() - began))
            during = len(acknowledged)
        went_on = time.monotonic()
        await eventually(lambda: healthy(platform), within=RECOVERY)
        await eventually(lambda: at_least(acknowledged, during + 10), within=RECOVERY)
        recovered = time.monotonic() - went_on
    finally:
        stop.set()
        answers = [status for statuses in await asyncio.gather(*load) for status in statuses]
        await reading
    print(f"{server}: creates {Counter(answers)}, reads {Counter(statuses)}; recovered in {recovered:.1f} s")
    assert set(answers) <= {201, 503, 504}
    assert set(statuses) <= {200, 503, 504}
    await stored_samples_were_acknowledged_or_unknown(researcher, answers)
    for sample_id in acknowledged:
        await researcher.wait_until_processed(sample_id)


@contextmanager
def hanging(constellation: Constellation, server: str) -> Iterator[None]:
    """Suspend a server with all its processes: PostgreSQL has one for each connection."""
    process = psutil.Process(constellation.pid(server))
    process.suspend()
    suspended = [process, *process.children(recursive=True)]
    for child in suspended[1:]:
        child.suspend()
    try:
        yield
    finally:
        for each in suspended:
            each.send_signal(signal.SIGCONT)


async def read_until(stop: asyncio.Event, researcher: Account, statuses: list[int]) -> None:
    """Read samples again and again; collect the status of each answer."""
    while not stop.is_set():
        answer = await researcher.call("GET", "/api/samples")
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            assert_error(answer, answer.status_code, reason_of(answer))
        await asyncio.sleep(0.02)


async def longer(statuses: list[int], count: int) -> bool:
    return len(statuses) >= count


async def health_shows(platform: Platform, server: str) -> bool:
    part, code, overall = SERVERS[server]
    answer = await platform.http.get("/api/health")
    health = answer.json()
    unwell = health["parts"][part]["status"] != "healthy"
    return unwell and (answer.status_code, health["status"]) == (code, overall)
