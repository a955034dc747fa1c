"""Health, registry and metrics."""

import asyncio
import re
import sys

import asyncpg

from chassis.identity.revocation import connect_redis
from deploy.local.plan import COMPONENTS
from deploy.local.versions import SERVERS
from deploy.services import NAMES
from tests.platform import Platform
from tests.waiting import eventually


async def test_health_lists_every_component(platform: Platform) -> None:
    health = (await platform.http.get("/api/health")).json()
    assert {name: part["detail"] for name, part in health["parts"].items() if part["status"] != "healthy"} == {}
    assert health["status"] == "healthy"
    assert set(health["parts"]) == {
        "gateway",
        "auth",
        "backend",
        "privacy",
        "database",
        "cache",
        "queue",
        "registry",
    }


async def test_health_and_the_constellation_name_the_releases_of_the_running_servers(platform: Platform) -> None:
    parts = (await platform.http.get("/api/health")).json()["parts"]
    plan = platform.constellation.plan
    database = await asyncpg.connect(plan.admin_url)
    try:
        postgres = (await database.fetchval("SHOW server_version")).split()[0]
    finally:
        await database.close()
    async with connect_redis(plan.redis_admin_url) as client:
        redis = (await client.info("server"))["redis_version"]
    said = {name: part["version"] for name, part in parts.items() if part.get("version")}
    assert set(said) == {"database", "cache", "queue", "registry"}
    assert (said["database"], said["cache"]) == (postgres, redis)
    assert all(re.fullmatch(r"[0-9]+(\.[0-9]+)+", version) for version in said.values()), said
    versions = platform.constellation.versions
    assert {part: versions[server] for part, server in SERVERS.items()} == said
    assert re.fullmatch(r"1\.[0-9]+\.[0-9]+", versions["envoy"])


async def test_status_shows_each_component_with_its_release(platform: Platform) -> None:
    command = (sys.executable, "-m", "deploy.local", "status", "--root", str(platform.constellation.layout.root))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.decode().splitlines() if "│" in line]
    shown = {name: (version, state) for name, version, _, _, state in lines}
    versions = platform.constellation.versions
    assert shown == {name: (versions.get(name, ""), "running") for name in COMPONENTS}


async def test_admin_sees_the_registry(platform: Platform) -> None:
    admin = await platform.admin()

    async def all_passing() -> bool:
        instances = (await admin.call("GET", "/api/services")).json()["instances"]
        return {item["service"] for item in instances if item["passing"]} == {*NAMES}

    await eventually(all_passing)


async def test_metrics_are_served(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    sample = await researcher.create()
    await researcher.wait_until_processed(sample["id"])
    counted = 'saga_total{outcome="done",saga="create_sample"}'

    async def text_with_the_saga() -> str:
        text = ""
        for service in ("gateway", "backend_svc"):
            port = platform.constellation.env_of(service)["FAIRDB_METRICS_PORT"]
            text += (await platform.http.get(f"http://127.0.0.1:{port}/metrics")).text
        return text if counted in text else ""

    # The gateway counts the saga at its next poll, up to a second after the sample is processed.
    text = await eventually(text_with_the_saga, within=10)
    for metric in (
        'grpc_server_handling_seconds_bucket{grpc_code="OK",grpc_method="CreateSample"',
        'circuit_breaker_state{service="backend_svc"} 0.0',
        counted,
        'events_processed_total{outcome="handled",type="sample.indexed"}',
        "outbox_pending",
    ):
        assert metric in text
