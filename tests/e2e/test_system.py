"""Health, registry and metrics."""

from deploy.services import NAMES
from tests.platform import Platform
from tests.waiting import eventually


async def test_health_names_every_part(platform: Platform) -> None:
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

    # The gateway counts a saga when it polls it next, up to a second after the sample is processed.
    text = await eventually(text_with_the_saga, within=10)
    for metric in (
        'grpc_server_handling_seconds_bucket{grpc_code="OK",grpc_method="CreateSample"',
        'circuit_breaker_state{service="backend_svc"} 0.0',
        counted,
        'events_processed_total{outcome="handled",type="sample.indexed"}',
        "outbox_pending",
    ):
        assert metric in text
