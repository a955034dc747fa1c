"""The revocation list, as services read it when they verify tokens.

auth_svc writes these Redis keys from its database:

    fairdb:revoked:complete     set while the list is complete; absent after Redis lost its data
    fairdb:revoked:fresh        expires unless auth_svc can write to Redis: then the list may lack revocations
    fairdb:revoked:<id>         the token (jti) or session (sid) <id> is revoked; the key expires with its last token

Services trust an answer for one second. When Redis is unavailable, or has lost the list, auth_svc answers instead. When
both are unavailable, the call fails, because a revoked token must not be accepted. auth_svc also answers when the list
is not fresh. If auth_svc is unavailable then, a complete list is trusted: revocations need auth_svc.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import grpc
from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chassis.call_context import Caller
from chassis.errors import DeadlineExceeded, ServiceUnavailable, TokenRevoked
from chassis.identity.redis_tls import RenewingConnection
from chassis.tasks import raise_lost_cancellation
from fairdb.auth.v1.revocation_service_pb2 import CheckRevocationRequest
from fairdb.auth.v1.revocation_service_pb2_grpc import RevocationServiceStub

COMPLETE_KEY = "fairdb:revoked:complete"
FRESH_KEY = "fairdb:revoked:fresh"
FRESH_SECONDS = 2
"""How long the list counts as fresh after auth_svc has written to Redis. It does so every second."""
REDIS_UNAVAILABLE = (RedisError, OSError, TimeoutError)
"""Errors of the Redis client while Redis does not do its work: down, hung, loading, full, read-only or busy."""
RECHECK_SECONDS = 1.0
_CACHED = 10_000

CheckAuthority = Callable[[str, str], Awaitable[bool]]
"""Takes a token id and a session id (may be ""); returns whether either is revoked."""


def revoked_key(identifier: str) -> str:
    """Return the Redis key of a revoked token or session."""
    return f"fairdb:revoked:{identifier}"


class Revocations(Protocol):
    """The revocation list that the server's pipeline uses."""

    async def check(self, caller: Caller) -> None:
        """Raise TokenRevoked if the caller's token or session was revoked."""
        ...


class RevocationList:
    """The list in Redis, with auth_svc as its fallback."""

    def __init__(self, redis: Redis, check_authority: CheckAuthority) -> None:
        self._redis = redis
        self._check_authority = check_authority
        self._fresh_until: OrderedDict[str, float] = OrderedDict()

    async def check(self, caller: Caller) -> None:
        """Raise TokenRevoked if the caller's token or session was revoked."""
        if caller.token_id is None:
            return
        now = time.monotonic()
        if self._fresh_until.get(caller.token_id, 0.0) > now:
            return
        if await self._is_revoked(caller.token_id, caller.session_id or ""):
            self._fresh_until.pop(caller.token_id, None)
            raise TokenRevoked
        self._fresh_until[caller.token_id] = now + RECHECK_SECONDS
        self._fresh_until.move_to_end(caller.token_id)
        if len(self._fresh_until) > _CACHED:
            self._fresh_until.popitem(last=False)

    async def _is_revoked(self, token_id: str, session_id: str) -> bool:
        try:
            complete, fresh, *revoked = await self._redis.mget(
                COMPLETE_KEY, FRESH_KEY, revoked_key(token_id), *([revoked_key(session_id)] if session_id else [])
            )
        except REDIS_UNAVAILABLE:
            return await self._check_authority(token_id, session_id)
        # The Redis client loses some cancellations.
        raise_lost_cancellation()
        if any(revoked):
            return True
        if complete is None:
            return await self._check_authority(token_id, session_id)
        if fresh is None:
            with suppress(ServiceUnavailable, DeadlineExceeded):
                return await self._check_authority(token_id, session_id)
        return False


def connect_redis(url: str) -> Redis:
    """Return a client with short timeouts: Redis is only a cache here."""
    # Retry once: after a restart of Redis the first command finds its connection closed.
    retry = Retry(NoBackoff(), 1)
    redis = Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=retry)
    pool = redis.connection_pool
    if issubclass(pool.connection_class, SSLConnection):
        pool.connection_class = RenewingConnection
    return redis


@asynccontextmanager
async def open_revocation_list(redis_url: str, auth: grpc.aio.Channel) -> AsyncIterator[RevocationList]:
    """Open the list for a service other than auth_svc, which asks its own database."""
    authority = RevocationServiceStub(auth)

    async def check(token_id: str, session_id: str) -> bool:
        request = CheckRevocationRequest(token_id=token_id, session_id=session_id)
        return (await authority.CheckRevocation(request)).revoked

    async with connect_redis(redis_url) as redis:
        yield RevocationList(redis, check)
