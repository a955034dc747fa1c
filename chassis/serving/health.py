"""A service's health, by the gRPC health protocol: whether it serves, and which background work fails."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import grpc
import structlog
from grpc_health.v1 import _async, health_pb2  # pyright: ignore[reportAttributeAccessIssue]  # no types

from chassis.background import Background

log = structlog.get_logger()

BACKGROUND = "background/"
"""Prefix of the names under which the health protocol lists background work."""
_CHECK_SECONDS = 1.0

Check = Callable[[], Awaitable[None]]
"""Raises while a dependency is unavailable."""


class HealthServicer(_async.HealthServicer):
    """Adds the method List, which the package's asynchronous servicer lacks."""

    async def List(self, request: object, context: grpc.aio.ServicerContext) -> object:
        """Return the status of everything, by name."""
        answer = health_pb2.HealthListResponse()  # pyright: ignore[reportAttributeAccessIssue]  # the types are older
        for name, status in self._server_status.items():
            answer.statuses[name].status = status
        return answer


class Readiness:
    """Keeps the health answers of a service up to date.

    The service serves exactly while every check passes. Failing background work does not stop it from serving, because
    requests may not need that work.
    """

    def __init__(self, names: Sequence[str], checks: Mapping[str, Check], background: Background) -> None:
        """Set up. `names`: the gRPC services of this server."""
        self.servicer = HealthServicer()
        self._names = ("", *names)
        self._checks = checks
        self._background = background
        self._failing: object = None
        self._serving = False

    async def keep(self) -> None:
        """Check every second until cancelled."""
        while True:
            results = await asyncio.gather(*(check() for check in self._checks.values()), return_exceptions=True)
            failing = [name for name, result in zip(self._checks, results, strict=True) if result is not None]
            work = self._background.failing()
            if (failing, work) != self._failing:
                log.info("readiness", serving=not failing, failing=failing, background=work)
                self._failing = failing, work
            await self._set_all(serving=not failing)
            for name in self._background.names():
                await self._set((BACKGROUND + name,), serving=name not in work)
            await asyncio.sleep(_CHECK_SECONDS)

    def is_serving(self) -> bool:
        """Return whether the service serves."""
        return self._serving

    async def stop_serving(self) -> None:
        """Report that the service does not serve."""
        await self._set_all(serving=False)

    async def _set_all(self, *, serving: bool) -> None:
        self._serving = serving
        await self._set(self._names, serving=serving)

    async def _set(self, names: Sequence[str], *, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in names:
            await self.servicer.set(name, status)
