"""The platform's health: every part asked at the same time, the answers kept for a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import call_context
from chassis.call_context import Call
from chassis.events import broker
from fairdb.system.v1.system_service_pb2 import PartHealth, SystemHealth

log = structlog.get_logger()

CHECK_SECONDS = 1.5
_KEPT_SECONDS = 1.0
HEALTHY, DEGRADED, CRITICAL = "healthy", "degraded", "critical"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: how to ask it (raises while it is away), and what its absence makes of the whole."""

    check: Callable[[], Awaitable[object]]
    when_away: str


class Health:
    """Asks the parts."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._kept: SystemHealth | None = None
        self._kept_until = 0.0

    async def get(self) -> SystemHealth:
        """Return the health of all parts, at most a second old: anybody may ask, so asking must stay cheap."""
        async with self._lock:
            kept = self._kept
            if kept is None or time.monotonic() >= self._kept_until:
                # A task of its own: the first asker's deadline and cancellation are not the others' answer.
                kept = await asyncio.shield(asyncio.create_task(self._ask()))
                self._kept = kept
                self._kept_until = time.monotonic() + _KEPT_SECONDS
            return kept

    async def _ask(self) -> SystemHealth:
        call_context.enter(Call())
        answers = await asyncio.gather(*(_ask_part(part) for part in self._parts.values()))
        statuses = {answer.status for answer in answers}
        overall = next(status for status in (CRITICAL, DEGRADED, HEALTHY) if status in statuses)
        health = SystemHealth(status=overall, parts=dict(zip(self._parts, answers, strict=True)))
        health.time.FromDatetime(datetime.now(UTC))
        return health


async def _ask_part(part: Part) -> PartHealth:
    started = time.perf_counter()
    status, detail = HEALTHY, ""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await part.check()
    except TimeoutError:
        status, detail = part.when_away, "does not answer in time"
    except NotServing:
        status, detail = part.when_away, "is up but not ready"
    except Exception as error:
        # Anything else that a client library raises means the same to the reader; its text may tell of our insides.
        log.info("part_away", error=error)
        status, detail = part.when_away, "cannot be reached"
    latency = round((time.perf_counter() - started) * 1000, 2)
    return PartHealth(status=status, latency_ms=latency, detail=detail)


class NotServing(Exception):
    """A service answers that it is not ready."""


def service_check(channel: grpc.aio.Channel) -> Callable[[], Awaitable[None]]:
    """Return a check that asks a service by the gRPC health protocol."""
    stub = health_pb2_grpc.HealthStub(channel)

    async def check() -> None:
        answer = await stub.Check(  # pyright: ignore[reportAttributeAccessIssue]  # the package ships no types
            health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS
        )
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise NotServing

    return check


def broker_check(url: str) -> Callable[[], Awaitable[None]]:
    """Return a check that logs in to the broker."""

    async def check() -> None:
        async with broker.connect(url):
            pass

    return check
