"""The platform's health: all services and servers checked at the same time, and the result cached for a second."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from chassis import call_context
from chassis.call_context import Call
from fairdb.system.v1.system_service_pb2 import PartHealth, SystemHealth
from gateway.system.checks import CHECK_SECONDS, BackgroundFailing, Check, NotServing, Refusing

log = structlog.get_logger()

_CACHE_SECONDS = 1.0
HEALTHY, DEGRADED, CRITICAL = "healthy", "degraded", "critical"


@dataclass(frozen=True, slots=True)
class Part:
    """One service or server of the platform."""

    check: Check
    when_unavailable: str
    """The health of the platform while the part is unavailable: DEGRADED or CRITICAL."""


class Health:
    """Checks the services and servers, and caches the result."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._cached: SystemHealth | None = None
        self._cached_until = 0.0

    async def get(self) -> SystemHealth:
        """Return the health of all parts, at most a second old. Anyone may call this, so it must be cheap."""
        async with self._lock:
            cached = self._cached
            if cached is None or time.monotonic() >= self._cached_until:
                # In a task of its own: the deadline or cancellation of one caller must not affect the others.
                cached = await asyncio.shield(asyncio.create_task(self._check_all()))
                self._cached = cached
                self._cached_until = time.monotonic() + _CACHE_SECONDS
            return cached

    async def _check_all(self) -> SystemHealth:
        call_context.enter(Call())
        results = await asyncio.gather(*(_check_part(part) for part in self._parts.values()))
        statuses = {result.status for result in results}
        overall = next(status for status in (CRITICAL, DEGRADED, HEALTHY) if status in statuses)
        health = SystemHealth(status=overall, parts=dict(zip(self._parts, results, strict=True)))
        health.time.FromDatetime(datetime.now(UTC))
        return health


async def _check_part(part: Part) -> PartHealth:
    started = time.perf_counter()
    status, detail, version = HEALTHY, "", ""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            version = await part.check()
    except TimeoutError:
        status, detail = part.when_unavailable, "did not answer in time"
    except NotServing:
        status, detail = part.when_unavailable, "is up but not ready"
    except Refusing as error:
        status, detail = part.when_unavailable, str(error)
    except BackgroundFailing as error:
        status, detail = DEGRADED, f"serves, but has trouble: {error}"
    except Exception as error:
        # Client libraries raise many types. Do not show their texts, which may reveal internals.
        log.info("health_check_failed", error=error)
        status, detail = part.when_unavailable, "cannot be reached"
    latency = round((time.perf_counter() - started) * 1000, 2)
    return PartHealth(status=status, latency_ms=latency, detail=detail, version=version)
