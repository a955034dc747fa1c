"""Revoked tokens. The database is authoritative. Redis has a copy; chassis/identity/revocation.py lists its keys."""

import asyncio
import time
from collections.abc import Iterable
from uuid import UUID

import structlog
from redis.asyncio import Redis

from chassis.errors import ServiceUnavailable
from chassis.events import outbox
from chassis.identity.keys import ACCOUNT_TOKEN_SECONDS, CLOCK_SKEW_SECONDS
from chassis.identity.revocation import COMPLETE_KEY, FRESH_KEY, FRESH_SECONDS, REDIS_UNAVAILABLE, revoked_key
from chassis.storage.database import Connection, Database
from chassis.storage.sweep import Sweep
from chassis.tasks import raise_lost_cancellation

log = structlog.get_logger()

_MIRROR_SECONDS = 1.0
_OPEN_SECONDS = 60.0
"""Longer than any transaction that revokes: it ends with its call, after 30 seconds at most."""
_KEPT_SECONDS = ACCOUNT_TOKEN_SECONDS + 2 * CLOCK_SKEW_SECONDS
"""How long a revocation is kept: until no verifier accepts the token, even if clocks differ from ours both ways."""

REVOKE = """
INSERT INTO revocation (identifier, expires_at) VALUES ($1, now() + make_interval(secs => $2)) ON CONFLICT DO NOTHING
"""
IS_REVOKED = "SELECT EXISTS (SELECT FROM revocation WHERE identifier = ANY($1::uuid[]))"
ALL = """
SELECT identifier, ceil(extract(epoch FROM expires_at - now()))::int AS seconds FROM revocation WHERE expires_at > now()
"""
SWEEP_REVOCATIONS = Sweep("revocation", "expires_at < now()")


async def revoke(connection: Connection, identifier: UUID) -> None:
    """Revoke a token or a session, inside the caller's transaction."""
    await connection.execute(REVOKE, identifier, float(_KEPT_SECONDS))
    await outbox.record(connection, [outbox.new_event("token.revoked", str(identifier))])


class Mirror:
    """Copies revocations to Redis, and copies all of them again after Redis lost its data."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self._redis = redis
        self._stale = True
        self._filled = ""
        self._recent: dict[UUID, float] = {}
        """Revocations whose transaction may still be open, and when they came: the database does not show them yet."""

    async def is_revoked(self, token_id: str, session_id: str) -> bool:
        """Return whether a token or its session is revoked, according to the database."""
        identifiers = [UUID(identifier) for identifier in (token_id, session_id) if identifier]
        return await self._database.fetchval(IS_REVOKED, identifiers)

    async def add(self, identifier: UUID) -> None:
        """Copy one revocation before its transaction commits, so that the token is rejected even after a crash.

        Does not fail while Redis is unavailable, because readers then ask us. `run` copies the revocation later.
        """
        self._recent[identifier] = time.monotonic()
        try:
            await self._redis.set(revoked_key(str(identifier)), b"1", ex=_KEPT_SECONDS)
        except REDIS_UNAVAILABLE:
            # If Redis answers, but refuses writes, its list soon stops being fresh.
            self._stale = True

    async def run(self) -> None:
        """Keep Redis complete, until cancelled."""
        await self._database.migrated()
        while True:
            try:
                # Refill Redis after each restart, because it may have loaded an older list from a snapshot.
                run = str((await self._redis.info("server"))["run_id"])
                if self._stale or run != self._filled or not await self._redis.exists(COMPLETE_KEY):
                    await self._refill()
                    self._filled = run
                else:
                    self._still_recent()
                    await self._redis.set(FRESH_KEY, b"1", ex=FRESH_SECONDS)
            except (ServiceUnavailable, *REDIS_UNAVAILABLE) as error:
                log.info("mirror_waits", error=type(error).__name__)
            raise_lost_cancellation()
            await asyncio.sleep(_MIRROR_SECONDS)

    async def _refill(self) -> None:
        self._stale = False
        try:
            rows = await self._database.fetch(ALL)
            left = {row["identifier"]: row["seconds"] for row in rows}
            left.update(dict.fromkeys(self._still_recent(), _KEPT_SECONDS))
            async with self._redis.pipeline(transaction=True) as pipeline:
                for identifier, seconds in left.items():
                    pipeline.set(revoked_key(str(identifier)), b"1", ex=seconds)
                pipeline.set(COMPLETE_KEY, b"1")
                pipeline.set(FRESH_KEY, b"1", ex=FRESH_SECONDS)
                await pipeline.execute()
        except BaseException:
            self._stale = True
            raise
        log.info("revocations_mirrored", count=len(left))

    def _still_recent(self) -> Iterable[UUID]:
        oldest = time.monotonic() - _OPEN_SECONDS
        self._recent = {identifier: since for identifier, since in self._recent.items() if since > oldest}
        return self._recent
