"""All background work of all services, each struck by faults: it runs again, is counted, and health names it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import asyncpg
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import background
from chassis.background import FAILURES, Background, Work
from chassis.serving.health import BACKGROUND
from chassis.serving.server import serving
from deploy.services import SERVICES, find
from gateway.system.checks import service_check
from tests.integration.conftest import NewDatabase, Servers
from tests.waiting import eventually

FAULTS: list[Callable[[], BaseException]] = [
    lambda: OSError(28, "No space left on device"),
    lambda: asyncpg.DiskFullError("disk full"),
    asyncio.CancelledError,
]
LIMIT_SECONDS = 2.0
SETTINGS = {"gateway": "gateway.settings", "privacy_svc": "privacy_svc.app"}
"""The modules of the services' settings, if not the composition root."""


class Struck:
    """Background work that fails on demand, at any point at which it waits."""

    def __init__(self) -> None:
        self.started: dict[str, list[float]] = {}
        self._strikes: dict[str, asyncio.Future[None]] = {}

    def wrap(self, name: str, work: Work) -> Work:
        """Return the same work, which also ends with the fault of `strike`."""

        async def run() -> None:
            strike = asyncio.get_running_loop().create_future()
            self._strikes[name] = strike
            self.started.setdefault(name, []).append(time.monotonic())
            working = asyncio.ensure_future(work())
            try:
                await asyncio.wait((working, strike), return_when=asyncio.FIRST_COMPLETED)
                strike.result() if strike.done() else working.result()
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

        return run

    def strike(self, fault: BaseException) -> list[str]:
        """Let all work fail now; return its names."""
        for strike in self._strikes.values():
            strike.cancel() if isinstance(fault, asyncio.CancelledError) else strike.set_exception(fault)
        return sorted(self._strikes)


@asynccontextmanager
async def running(
    name: str, servers: Servers, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Struck, grpc.aio.Channel]]:
    """Run a service on real servers; yield its background work and a channel to it."""
    struck, original = Struck(), Background.start

    def start(self: Background, name: str, work: Work) -> asyncio.Task[None]:
        return original(self, name, struck.wrap(name, work))

    monkeypatch.setattr(Background, "start", start)
    values: dict[str, Any] = servers.settings(name, await new_database(name))
    values |= {file.setting: servers.plan.credentials.key_file(name, file) for file in find(name).key_files}
    settings = import_module(SETTINGS.get(name, f"{name}.app")).Settings(**values)
    async with (
        serving(name, settings, import_module(f"{name}.app").open_app) as port,
        servers.plan.credentials.channel(name, f"127.0.0.1:{port}") as channel,
    ):
        yield struck, channel


async def down(channel: grpc.aio.Channel) -> set[str]:
    """Return the names of the background work that health reports as failing."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthListRequest()  # pyright: ignore[reportAttributeAccessIssue]  # the types are older
    answer = await stub.List(request)
    serving_now = health_pb2.HealthCheckResponse.SERVING
    return {
        name.removeprefix(BACKGROUND)
        for name, item in answer.statuses.items()
        if name.startswith(BACKGROUND) and item.status != serving_now
    }


@pytest.mark.parametrize("fault", FAULTS, ids=["OSError", "DiskFullError", "CancelledError"])
@pytest.mark.parametrize("service", [service.label for service in SERVICES])
async def test_all_background_work_comes_back_after_a_fault(
    service: str,
    fault: Callable[[], BaseException],
    servers: Servers,
    new_database: NewDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "RECOVERED_SECONDS", 60.0)
    name = next(item.name for item in SERVICES if item.label == service)
    async with running(name, servers, new_database, monkeypatch) as (struck, channel):
        await eventually(lambda: serves(channel))
        counted = {work: FAILURES.labels(work)._value.get() for work in struck.started}
        at = time.monotonic()
        works = struck.strike(fault())
        assert works == sorted(struck.started)
        await eventually(lambda: has(lambda: all(started[-1] > at for started in struck.started.values())))
        late = {work: started[-1] - at for work, started in struck.started.items() if started[-1] - at > LIMIT_SECONDS}
        assert not late
        assert {work: FAILURES.labels(work)._value.get() - before for work, before in counted.items()} == dict.fromkeys(
            works, 1
        )
        assert await eventually(lambda: reports(channel, set(works)))
        with pytest.raises(Exception, match="outbox"):
            await service_check(channel)()
        monkeypatch.setattr(background, "RECOVERED_SECONDS", 0.0)
        assert await eventually(lambda: reports(channel, set()))


async def serves(channel: grpc.aio.Channel) -> bool:
    """Return whether the service serves, so that all its work has begun."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest())
    return answer.status == health_pb2.HealthCheckResponse.SERVING


async def has(met: Callable[[], bool]) -> bool:
    return met()


async def reports(channel: grpc.aio.Channel, names: set[str]) -> bool:
    return await down(channel) == names
