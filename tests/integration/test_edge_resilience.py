"""The edge when services are unavailable, slow or overloaded, and when addresses and keys change."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from chassis.tasks import cancel
from edge.endpoints import write_endpoints
from edge.keys import publish_keys
from tests.abuse import OTHER_CLIENT, be_honest
from tests.edge_rig import Config, Issuer, Upstream, assert_is_error, edge_running, upstream_running
from tests.waiting import eventually

ISSUER = Issuer("first")
TOKEN = ISSUER.bearer()
DEADLINE, EXHAUSTED, UNAVAILABLE = 4, 8, 14


async def test_requests_above_the_rate_limit_are_429(upstream: Upstream, tmp_path: Path) -> None:
    async with edge_running(tmp_path, [upstream.address], [ISSUER.jwk()], edge_rate_limit=2) as edge:
        answers = await asyncio.gather(*(edge.http.get("/api/samples/a", headers=TOKEN) for _ in range(20)))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 0 < len(refused) < 20
        for answer in refused:
            assert_is_error(answer, 429, EXHAUSTED, "OVERLOADED")
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["details"][1]["retryDelay"] == "1s"


async def test_flood_of_one_client_refuses_nobody_else(upstream: Upstream, tmp_path: Path) -> None:
    async with edge_running(
        tmp_path, [upstream.address], [ISSUER.jwk()], edge_client_rate_limit=20, edge_rate_limit=60
    ) as edge:
        transport = httpx.AsyncHTTPTransport(local_address=OTHER_CLIENT)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{edge.address}") as flooding:
            statuses = Counter[int]()

            async def flood() -> None:
                while True:
                    statuses[(await flooding.get("/api/samples/a", headers=TOKEN)).status_code] += 1

            floods = [asyncio.create_task(flood()) for _ in range(4)]
            times = await be_honest(lambda: edge.http.get("/api/samples/a", headers=TOKEN), lambda: statuses[429] > 200)
            await cancel(*floods)
        times.check()
        assert set(statuses) == {200, 429}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted_apart"), [(0, "{}", False), (1, "{}", True), (1, "{}, 192.0.2.9", False)]
)
async def test_clients_behind_a_proxy_count_apart_only_if_it_is_trusted(
    upstream: Upstream, tmp_path: Path, proxies: int, forwarded: str, counted_apart: bool
) -> None:
    async with edge_running(
        tmp_path, [upstream.address], [ISSUER.jwk()], edge_trusted_proxies=proxies, edge_client_rate_limit=5
    ) as edge:

        async def request(number: int) -> int:
            # Only the last address comes from the proxy. A client may have sent the others.
            headers = {**TOKEN, "x-forwarded-for": forwarded.format(f"198.51.100.{number}")}
            return (await edge.http.get("/api/samples/a", headers=headers)).status_code

        statuses = await asyncio.gather(*map(request, range(20)))
        assert (429 not in statuses) == counted_apart, statuses


async def test_calls_above_a_services_limit_are_429(upstream: Upstream, tmp_path: Path) -> None:
    async with (
        edge_running(tmp_path, [upstream.address], [ISSUER.jwk()], change=allow_one_call_at_a_time) as edge,
        asyncio.TaskGroup() as group,
    ):
        slow = group.create_task(edge.http.get("/api/samples/slow", headers=TOKEN))
        await eventually(lambda: edge.stat("cluster.gateway.upstream_rq_active"))
        assert_is_error(await edge.http.get("/api/samples/a", headers=TOKEN), 429, EXHAUSTED, "OVERLOADED")
        slow.cancel()


async def test_stopped_service_is_503_at_once_and_recovers_at_once(tmp_path: Path) -> None:
    async with upstream_running() as upstream, edge_running(tmp_path, [upstream.address], [ISSUER.jwk()]) as edge:
        assert (await edge.http.get("/api/samples/a", headers=TOKEN)).status_code == 200
        await upstream.stop()
        started = time.monotonic()
        answer = await edge.http.get("/api/samples/a", headers=TOKEN)
        assert time.monotonic() - started < 1
        assert assert_is_error(answer, 503, UNAVAILABLE, "SERVICE_UNAVAILABLE") == {"service": "gateway"}
        assert answer.json()["details"][1]["@type"].endswith("RetryInfo")
        # Wait until health checks and outlier detection have noticed.
        await eventually(lambda: edge.is_unhealthy("gateway"))

        await upstream.start(upstream.port)
        started = time.monotonic()

        async def answers() -> bool:
            return (await edge.http.get("/api/samples/a", headers=TOKEN)).status_code == 200

        await eventually(answers, within=2)


async def test_service_without_addresses_is_503_until_one_is_written(upstream: Upstream, tmp_path: Path) -> None:
    async with edge_running(tmp_path, [], [ISSUER.jwk()]) as edge:
        answer = await edge.http.get("/.well-known/jwks.json")
        assert assert_is_error(answer, 503, UNAVAILABLE, "SERVICE_UNAVAILABLE") == {"service": "auth_svc"}
        write_endpoints(edge.files.endpoints("gateway"), "gateway", [upstream.address])

        async def answers() -> bool:
            return (await edge.http.get("/api/samples/a", headers=TOKEN)).status_code == 200

        await eventually(answers)


async def test_deregistered_instance_receives_no_calls(upstream: Upstream, tmp_path: Path) -> None:
    async with (
        upstream_running() as leaves,
        edge_running(tmp_path, [upstream.address, leaves.address], [ISSUER.jwk()]) as edge,
    ):
        write_endpoints(edge.files.endpoints("gateway"), "gateway", [upstream.address])

        async def is_forgotten() -> bool:
            return await edge.stat("cluster.gateway.membership_total") == 1

        # The instance still answers calls and health checks, but must not be used.
        await eventually(is_forgotten)


async def test_only_repeatable_calls_are_retried(tmp_path: Path) -> None:
    async with (
        upstream_running() as stays,
        upstream_running() as goes,
        edge_running(tmp_path, [stays.address, goes.address], [ISSUER.jwk()], change=check_health_rarely) as edge,
    ):
        await goes.stop()
        plain = [await edge.http.post("/api/samples", headers=TOKEN, json={}) for _ in range(4)]
        assert {answer.status_code for answer in plain} == {201, 503}
        assert await edge.stat("cluster.gateway.upstream_rq_retry") == 0
        with_key = TOKEN | {"idempotency-key": "k"}
        # The request is larger than a connection's buffer, so a retry needs the copy that Envoy keeps.
        large = {"organism": "x" * 500_000}
        repeated = [await edge.http.post("/api/samples", headers=with_key, json=large) for _ in range(2)]
        assert [answer.status_code for answer in repeated] == [201, 201]
        assert await edge.stat("cluster.gateway.upstream_rq_retry") > 0
        read = [await edge.http.get("/api/samples/a", headers=TOKEN) for _ in range(10)]
        assert {answer.status_code for answer in read} == {200}
        # After five consecutive failures the stopped instance receives no more calls.
        assert await edge.stat("cluster.gateway.outlier_detection.ejections_active") == 1
        after = [await edge.http.post("/api/samples", headers=TOKEN, json={}) for _ in range(4)]
        assert {answer.status_code for answer in after} == {201}


async def test_unavailable_from_a_service_is_neither_retried_nor_an_outlier(upstream: Upstream, tmp_path: Path) -> None:
    # Envoy never ejects the only instance of a service, so the test needs two.
    async with (
        upstream_running() as second,
        edge_running(tmp_path, [upstream.address, second.address], [ISSUER.jwk()]) as edge,
    ):
        answers = [await edge.http.get("/api/samples/unavailable", headers=TOKEN) for _ in range(12)]
        assert {answer.status_code for answer in answers} == {503}
        assert await edge.stat("cluster.gateway.upstream_rq_retry") == 0
        assert await edge.stat("cluster.gateway.outlier_detection.ejections_active") == 0


async def test_slow_call_is_504(upstream: Upstream, tmp_path: Path) -> None:
    async with edge_running(tmp_path, [upstream.address], [ISSUER.jwk()], change=be_impatient) as edge:
        answer = await edge.http.get("/api/samples/slow", headers=TOKEN)
        assert_is_error(answer, 504, DEADLINE, "DEADLINE_EXCEEDED")


async def test_new_key_is_trusted_without_a_restart(upstream: Upstream, tmp_path: Path) -> None:
    async with edge_running(tmp_path, [upstream.address], [ISSUER.jwk()]) as edge:
        next_issuer = Issuer("second")
        assert (await edge.http.get("/api/samples/a", headers=next_issuer.bearer())).status_code == 401
        publish_keys(edge.files, [ISSUER.jwk(), next_issuer.jwk()])

        async def is_trusted() -> bool:
            return (await edge.http.get("/api/samples/a", headers=next_issuer.bearer())).status_code == 200

        await eventually(is_trusted)


def check_health_rarely(config: Config) -> None:
    """Make health checks so rare that they do not find a stopped instance during the test."""
    for cluster in config["static_resources"]["clusters"]:
        cluster["health_checks"][0] |= {"interval": "60s", "no_traffic_interval": "60s"}


def allow_one_call_at_a_time(config: Config) -> None:
    """Limit each service to one call at a time."""
    for cluster in config["static_resources"]["clusters"]:
        cluster["circuit_breakers"]["thresholds"][0]["max_requests"] = 1


def be_impatient(config: Config) -> None:
    """Set the timeout of every route to 0.2 s."""
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        if "route" in route:
            route["route"]["timeout"] = "0.2s"
