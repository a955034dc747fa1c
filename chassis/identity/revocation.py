"""The revocation list, as those who verify tokens see it.

Redis keys, all under `fairdb:revoked:` and all written by auth_svc from its database:

    fairdb:revoked:complete     set while the list is complete; absent after Redis lost its data
    fairdb:revoked:<id>         the token (jti) or session (sid) <id> is revoked; lives as long as its last token could

An answer is trusted for a second. When Redis is away, or has lost the list, auth_svc is asked; when both are away the
call fails, because a revoked token must not pass.
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import grpc
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chassis.call_context import Caller
from chassis.errors import TokenRevoked
from fairdb.auth.v1.revocation_service_pb2 import CheckRevocationRequest
from fairdb.auth.v1.revocation_service_pb2_grpc import RevocationServiceStub

COMPLETE_KEY = "fairdb:revoked:complete"
RECHECK_SECONDS = 1.0
_CACHED = 10_000

AskAuthority = Callable[[str, str], Awaitable[bool]]
"""From token id and session id ("" when none) to whether either is revoked."""


def revoked_key(identifier: str) -> str:
    """Return the key that says that a token or session is revoked."""
    return f"fairdb:revoked:{identifier}"


class Revocations(Protocol):
    """What the server's pipeline asks of a revocation list."""

    async def check(self, caller: Caller) -> None:
        """Raise TokenRevoked when the caller's token counts no more."""
        ...


class RevocationList:
    """The list in Redis, with auth_svc behind it."""

    def __init__(self, redis: Redis, ask_authority: AskAuthority) -> None:
        self._redis = redis
        self._ask_authority = ask_authority
        self._fresh_until: OrderedDict[str, float] = OrderedDict()

    async def check(self, caller: Caller) -> None:
        """Raise TokenRevoked when the caller's token counts no more."""
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
            complete, *revoked = await self._redis.mget(
                COMPLETE_KEY, revoked_key(token_id), *([revoked_key(session_id)] if session_id else [])
            )
        except (RedisError, OSError, TimeoutError):
            return await self._ask_authority(token_id, session_id)
        if any(revoked):
            return True
        if complete is None:
            return await self._ask_authority(token_id, session_id)
        return False


def connect_redis(url: str) -> Redis:
    """Return a client that gives up soon: Redis only ever saves time here."""
    # One more try at once: after Redis was restarted, the first command finds its old connection closed.
    retry = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=retry)


@asynccontextmanager
async def open_revocation_list(redis_url: str, auth: grpc.aio.Channel) -> AsyncIterator[RevocationList]:
    """Open the list for a service that is not auth_svc."""
    authority = RevocationServiceStub(auth)

    async def ask(token_id: str, session_id: str) -> bool:
        request = CheckRevocationRequest(token_id=token_id, session_id=session_id)
        return (await authority.CheckRevocation(request)).revoked

    async with connect_redis(redis_url) as redis:
        yield RevocationList(redis, ask)
