"""Each process is killed with SIGKILL and restarted. No acknowledged sample is lost, and the next create succeeds."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from deploy.local.constellation import Constellation
from deploy.local.ports import Ports
from tests.chaos.load import HANG, at_least, create_until, healthy, stored_samples_were_acknowledged_or_unknown
from tests.platform import Account, Platform
from tests.waiting import eventually

# The names in GET /api/health. Gateway and Envoy are missing, because they serve that call themselves.
HEALTH_NAMES = {
    "auth_svc": "auth",
    "backend_svc": "backend",
    "privacy_svc": "privacy",
    "postgres": "database",
    "redis": "cache",
    "rabbitmq": "queue",
    "consul": "registry",
}
CRITICAL = {"backend_svc", "privacy_svc", "postgres"}


@pytest_asyncio.fixture(scope="module")
async def constellation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Constellation]:
    async with Constellation(tmp_path_factory.mktemp("chaos"), Ports.free()) as running:
        yield running


@pytest_asyncio.fixture
async def platform(constellation: Constellation) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=constellation.edge_url, timeout=HANG) as http:
        yield Platform(constellation, http)


@pytest.mark.parametrize(
    "component",
    [
        "auth_svc",
        "backend_svc",
        "privacy_svc",
        "gateway",
        "authority",
        "edge_agent",
        "envoy",
        "postgres",
        "redis",
        "rabbitmq",
        "consul",
    ],
)
async def test_kill_and_restart(platform: Platform, component: str) -> None:
    constellation = platform.constellation
    researcher = await platform.account(consented=True)
    acknowledged: list[str] = []
    stop = asyncio.Event()
    load = [asyncio.create_task(create_until(stop, researcher, acknowledged)) for _ in range(4)]
    try:
        await eventually(lambda: at_least(acknowledged, 10))
        await constellation.kill(component)
        if component in HEALTH_NAMES:
            await health_names(platform, component)
        else:
            await no_call_hangs(researcher)
        await constellation.start(component)
    finally:
        stop.set()
        answers = [status for statuses in await asyncio.gather(*load) for status in statuses]

    expected: set[int | str] = {201, 503, 504}
    if component == "envoy":
        # While Envoy is down, connections are refused.
        expected |= {"refused"}
    assert set(answers) <= expected, answers
    await eventually(lambda: healthy(platform), within=60)
    await stored_samples_were_acknowledged_or_unknown(researcher, answers)
    after = await researcher.create()
    for sample_id in {*acknowledged, after["id"]}:
        await researcher.wait_until_processed(sample_id)
    events = (await researcher.call("GET", f"/api/samples/{acknowledged[-1]}/events")).json()["events"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]


async def health_names(platform: Platform, component: str) -> None:
    """Wait until health reports that the process is unavailable, and the overall status that follows from it."""
    expected = "critical" if component in CRITICAL else "degraded"

    async def named() -> bool:
        answer = await platform.http.get("/api/health")
        health = answer.json()
        assert answer.status_code in (200, 503)
        return health["parts"][HEALTH_NAMES[component]]["status"] == expected and (
            (answer.status_code, health["status"])
            == ((503, "critical") if component in CRITICAL else (200, "degraded"))
        )

    await eventually(named)


async def no_call_hangs(researcher: Account) -> None:
    """Make a call that must end within the edge's limit, with a well-formed answer or a refused connection."""
    try:
        answer = await researcher.call("GET", "/api/samples")
    except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
        # The connection was refused, or it was open when the edge was killed.
        return
    assert answer.status_code in (200, 503)
    if answer.status_code == 503:
        assert answer.json()["details"][0]["reason"] == "SERVICE_UNAVAILABLE"
