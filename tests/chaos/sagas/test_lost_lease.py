"""A gateway loses its lease. Other gateways end its sagas in time, and if it resumes, it changes nothing."""

import asyncio
import signal
from contextlib import suppress

import pytest

from deploy.local import process
from tests.chaos.sagas.rig import Account, Gateway, Refused, Rig
from tests.waiting import eventually

TABLES = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
WHERE table_schema IN ('gateway', 'privacy_svc', 'backend_svc', 'auth_svc') AND table_type = 'BASE TABLE'
  AND table_name <> 'lease'
ORDER BY 1
"""
IDLE = ("before write take over", "before write set aside")
"""Points that an idle gateway reaches."""
LIMIT = 10.0
"""Seconds within which another gateway must take over."""


async def all_rows(rig: Rig) -> dict[str, list[str]]:
    """Return every row of every service, except the leases, which change with time."""
    tables = [row[0] for row in await rig.database.fetch(TABLES)]
    return {
        table: sorted(row[0] for row in await rig.database.fetch(f"SELECT row.*::text FROM {table} AS row"))
        for table in tables
    }


async def published(rig: Rig) -> bool:
    """Return whether all events have been published."""
    return not any(rows for table, rows in (await all_rows(rig)).items() if table.endswith(".outbox"))


async def create_until_stopped(gateway: Gateway, account: Account, point: str) -> asyncio.Task[object]:
    """Send the sample until the gateway has stopped at `point`. Returns the call that is waiting for it."""

    async def attempt() -> object:
        with suppress(Refused):
            return await gateway.create(account)

    async def stopped() -> asyncio.Task[object] | None:
        call = asyncio.create_task(attempt())

        async def moved() -> bool:
            return call.done() or gateway.points()[-1:] == [point]

        await eventually(moved)
        return call if gateway.points()[-1:] == [point] else None

    call = await eventually(stopped)
    assert call is not None
    return call


@pytest.mark.parametrize(
    ("point", "next_point", "outcome"),
    [
        ("before call PrepareSample", "after call PrepareSample", 6),
        ("after call PrepareSample", "after call StoreSample", 6),
        ("before call StoreSample", "after call StoreSample", 6),
        ("after call StoreSample", "before write set aside", 5),
        ("before write complete", "after write complete", 5),
    ],
)
async def test_gateway_that_wakes_up_after_its_lease_changes_nothing(
    rig: Rig, point: str, next_point: str, outcome: int
) -> None:
    account = await rig.account()
    async with rig.gateway(stop=point) as sleeper, rig.gateway():
        call = await create_until_stopped(sleeper, account, point)
        (saga,) = [saga for saga in await rig.ended(account, within=20) if saga["failed_step"] != "validate"]
        assert saga["state"] == outcome
        samples = await rig.check_consistency(account)
        assert len(samples) == (outcome == 5)
        await eventually(lambda: published(rig))
        before = await all_rows(rig)

        seen = len(sleeper.points())
        process.send(sleeper.child, signal.SIGCONT)

        async def resumed() -> bool:
            return next_point in sleeper.points()[seen:] and sleeper.points()[-1] in IDLE

        await eventually(resumed)
        await call
        assert sleeper.alive()
        assert await all_rows(rig) == before


@pytest.mark.parametrize("point", ["after call PrepareSample", "after call StoreSample"])
async def test_dead_gateway_with_the_default_lease_is_replaced_within_ten_seconds(rig: Rig, point: str) -> None:
    account = await rig.account()
    async with rig.gateway({}) as living, rig.gateway({}, die=point) as dying:

        async def dead() -> bool:
            with suppress(Refused):
                await dying.create(account)
            return await dying.is_dead()

        await eventually(dead)
        (saga,) = [saga for saga in await rig.sagas(account) if saga["state"] == 1]

        async def taken_over() -> bool:
            return (await rig.database.fetchval("SELECT owner FROM gateway.saga WHERE id = $1", saga["id"])) != saga[
                "owner"
            ]

        await eventually(taken_over, within=LIMIT)
        await rig.check_consistency(account)
        sample = await living.create(account)
        assert await rig.check_consistency(account) == [sample.id]
