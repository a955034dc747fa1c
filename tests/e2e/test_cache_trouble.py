"""Redis answers but refuses writes, or hangs: revocations take effect all the same, and are copied to it later."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jwt
import pytest
from redis.asyncio import Redis

from chassis.identity.revocation import revoked_key
from deploy.local.constellation import Constellation
from tests.platform import Account, Platform
from tests.waiting import eventually

REFUSALS = {
    "maxmemory": ("1", "64mb"),  # OOM
    "min-replicas-to-write": ("1", "0"),  # NOREPLICAS
}
"""Settings of Redis that make it refuse writes, each with the value that does and the one that does not."""


@asynccontextmanager
async def refusing(constellation: Constellation, setting: str) -> AsyncIterator[Redis]:
    refuses, accepts = REFUSALS[setting]
    async with Redis.from_url(constellation.plan.redis_admin_url) as redis:
        await redis.config_set(setting, refuses)
        try:
            yield redis
        finally:
            await redis.config_set(setting, accepts)


@asynccontextmanager
async def hanging(constellation: Constellation) -> AsyncIterator[None]:
    constellation.send("redis", signal.SIGSTOP)
    try:
        yield
    finally:
        constellation.send("redis", signal.SIGCONT)


async def cache_is(platform: Platform, status: str, detail: str = "") -> bool:
    cache = (await platform.http.get("/api/health")).json()["parts"]["cache"]
    return cache["status"] == status and detail in cache["detail"]


async def is_refused(account: Account) -> bool:
    return (await account.call("GET", "/api/samples")).status_code == 401


async def log_out(account: Account) -> str:
    """Log out; return the Redis key of the revoked session."""
    answer = await account.call("POST", "/api/auth/logout", {})
    assert answer.status_code == 200, answer.text
    return revoked_key(jwt.decode(account.token, options={"verify_signature": False})["sid"])


@pytest.mark.parametrize("setting", REFUSALS)
async def test_revocation_takes_effect_while_the_cache_refuses_writes(platform: Platform, setting: str) -> None:
    account, other = await platform.account(), await platform.account()
    assert (await account.call("GET", "/api/samples")).status_code == 200
    async with refusing(platform.constellation, setting) as redis:
        revoked = await log_out(account)
        assert await redis.exists(revoked) == 0
        await eventually(lambda: is_refused(account), within=10)
        await eventually(lambda: cache_is(platform, "degraded", "cannot write revocations"))
        assert (await other.call("GET", "/api/samples")).status_code == 200
    async with Redis.from_url(platform.constellation.plan.redis_admin_url) as redis:
        await eventually(lambda: redis.exists(revoked))
    await eventually(lambda: cache_is(platform, "healthy"))


async def test_revocation_takes_effect_while_the_cache_hangs(platform: Platform) -> None:
    account, other = await platform.account(), await platform.account()
    async with hanging(platform.constellation):
        revoked = await log_out(account)
        await eventually(lambda: is_refused(account), within=10)
        await eventually(lambda: cache_is(platform, "degraded"))
        assert (await other.call("GET", "/api/samples")).status_code == 200
    async with Redis.from_url(platform.constellation.plan.redis_admin_url) as redis:
        await eventually(lambda: redis.exists(revoked))
    assert await is_refused(account)
    await eventually(lambda: cache_is(platform, "healthy"))
