"""Health checks. Each raises while its target is unavailable. Otherwise it returns the release of a server, such as
PostgreSQL, or "" for one of our own services.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ResponseError

from chassis.background import Background
from chassis.errors import Internal
from chassis.events.publisher import BrokerBlocked, Publisher
from chassis.identity.revocation import COMPLETE_KEY, FRESH_KEY
from chassis.registry.discovery import Registry
from chassis.serving.health import BACKGROUND
from chassis.storage.database import Database

log = structlog.get_logger()

_SERVING = health_pb2.HealthCheckResponse.SERVING
CHECK_SECONDS = 1.5
_RELEASE_SECONDS = 1.2
"""A check omits the release if it is still unknown after this time."""

Check = Callable[[], Awaitable[str]]


class NotServing(Exception):
    """A service answers that it is not ready."""


class Refusing(Exception):
    """A server answers, but does not do its work now. The message says why, without internals."""


class BackgroundFailing(Exception):
    """A service serves, but some of its background work keeps failing."""

    def __init__(self, works: Sequence[str]) -> None:
        super().__init__(", ".join(works))


def self_check(background: Background) -> Check:
    """Return a check of this service. Reaching it is the check, so only background work can fail."""

    async def check() -> str:
        if failing := background.failing():
            raise BackgroundFailing(failing)
        return ""

    return check


def service_check(channel: grpc.aio.Channel) -> Check:
    """Return a check that asks a service by the gRPC health protocol."""
    stub = health_pb2_grpc.HealthStub(channel)

    async def check() -> str:
        try:
            answer = await stub.List(  # pyright: ignore[reportAttributeAccessIssue]  # the package ships no types
                health_pb2.HealthListRequest(),  # pyright: ignore[reportAttributeAccessIssue]
                timeout=CHECK_SECONDS,
            )
        except Internal:
            # During an update, an older release may answer, which has no List.
            answer = await stub.Check(  # pyright: ignore[reportAttributeAccessIssue]
                health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS
            )
            down = {""} if answer.status != _SERVING else set[str]()
        else:
            down = {name for name, item in answer.statuses.items() if item.status != _SERVING}
        if "" in down:
            raise NotServing
        if failing := sorted(name.removeprefix(BACKGROUND) for name in down if name.startswith(BACKGROUND)):
            raise BackgroundFailing(failing)
        return ""

    return check


def database_check(database: Database) -> Check:
    """Return a check of PostgreSQL and our schema in it."""

    async def check() -> str:
        await database.check()
        async with database.connection() as connection:
            # PostgreSQL reports its version on connecting. Debian's build appends the package: "15.13 (Debian ...)".
            return connection.get_settings().server_version.split()[0]

    return check


def cache_check(redis: Redis) -> Check:
    """Return a check that Redis answers, and that auth_svc keeps its list of revocations up to date."""

    async def check() -> str:
        try:
            found = await redis.mget(COMPLETE_KEY, FRESH_KEY)
        except BusyLoadingError:
            raise Refusing("is still loading its data") from None
        except ResponseError:
            raise Refusing("refuses commands") from None
        if None in found:
            raise Refusing("auth_svc cannot write revocations to it, so services ask auth_svc")
        try:
            # HELLO costs as little as PING and, unlike INFO, is permitted to every user.
            answer: Any = await redis.execute_command("HELLO")
        except ResponseError:
            # Before Redis 6.2, HELLO requires an argument.
            await redis.ping()
            return ""
        # The answer is a flat list in version 2 of the protocol, and a map in version 3.
        fields = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
        return _text(fields.get("version", fields.get(b"version", "")))

    return check


def broker_check(publisher: Publisher) -> Check:
    """Return a check that the broker accepts messages."""

    async def check() -> str:
        try:
            return await publisher.check()
        except BrokerBlocked:
            raise Refusing("accepts no messages: it is short of disk space or memory") from None

    return check


def registry_check(registry: Registry) -> Check:
    """Return a check of Consul."""
    version = ""

    async def check() -> str:
        nonlocal version
        release_due = asyncio.get_running_loop().time() + _RELEASE_SECONDS
        try:
            await registry.ping()
        except BaseException:
            # Forget the release, because Consul may have another one when it is back. Catch BaseException, because a
            # check that takes too long is cancelled.
            version = ""
            raise
        if not version:
            try:
                async with asyncio.timeout_at(release_due):
                    version = await registry.version()
            except Exception as error:
                # The registry is up, because it has answered the ping.
                log.info("registry_release_unknown", error=error)
        return version

    return check


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
