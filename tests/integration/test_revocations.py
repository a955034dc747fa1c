"""Revocations on a real database: expired ones are not copied, the sweep finds them through an index, none is lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from auth_svc.revocations import ALL, SWEEP_REVOCATIONS, Mirror, revoke
from chassis.identity.revocation import COMPLETE_KEY, connect_redis, revoked_key
from chassis.storage.database import open_database
from chassis.tasks import cancel
from tests.integration.conftest import NewDatabase, Servers
from tests.waiting import eventually

INSERT = "INSERT INTO revocation (identifier, expires_at) VALUES ($1, $2)"
MANY = "INSERT INTO revocation SELECT gen_random_uuid(), now() + interval '10 minutes' FROM generate_series(1, 20000)"


async def test_expired_revocation_is_not_copied(new_database: NewDatabase) -> None:
    current, expired = uuid4(), uuid4()
    now = datetime.now(UTC)
    async with open_database(await new_database("auth_svc"), []) as database:
        await database.execute(INSERT, current, now + timedelta(minutes=10))
        await database.execute(INSERT, expired, now - timedelta(minutes=1))
        rows: dict[UUID, int] = {row["identifier"]: row["seconds"] for row in await database.fetch(ALL)}
    assert set(rows) == {current}
    assert 0 < rows[current] <= 600


async def test_refill_during_a_revocation_does_not_lose_it(servers: Servers, new_database: NewDatabase) -> None:
    token = uuid4()
    async with (
        connect_redis(servers.plan.redis_admin_url) as redis,
        open_database(await new_database("auth_svc"), []) as database,
    ):
        mirror = Mirror(database, redis)

        async def is_complete() -> bool:
            return bool(await redis.exists(COMPLETE_KEY))

        async with database.transaction() as connection:
            await revoke(connection, token)
            await mirror.add(token)
            # Redis loses its data, and gets it back from the database, which does not show the open transaction.
            await redis.delete(COMPLETE_KEY, revoked_key(str(token)))
            running = asyncio.create_task(mirror.run())
            await eventually(is_complete)
        await cancel(running)
        assert await redis.exists(revoked_key(str(token)))


async def test_sweeping_uses_an_index(new_database: NewDatabase) -> None:
    async with open_database(await new_database("auth_svc"), []) as database:
        await database.execute(MANY)
        await database.execute("ANALYZE revocation")
        plan = [row[0] for row in await database.fetch(f"EXPLAIN {SWEEP_REVOCATIONS.statement}")]
    assert not [line for line in plan if "Seq Scan on revocation" in line], plan
