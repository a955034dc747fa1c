"""A gateway is killed at every point of every saga. The next gateway ends the saga, and nothing exists twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from fairdb.system.v1 import saga_service_pb2 as pb
from gateway.sagas.definition import OPEN_STATES
from gateway.sagas.transitions import Transition
from tests.chaos.sagas.rig import QUICK, Account, Gateway, Refused, Rig
from tests.chaos.sagas.table import EVERYWHERE, KILLS, SCENARIOS, Kill, Scenario
from tests.waiting import eventually

AT_ONCE = 3
PATIENT = {**QUICK, "FAIRDB_SAGA_LEASE_SECONDS": "300"}
"""With a long lease, a killed gateway's sagas are taken over only when the test expires the lease."""

# Adds faults, and for each a table of the accounts that it affects.
FAULTS = """
CREATE TABLE privacy_svc.faulty (account uuid PRIMARY KEY);
GRANT SELECT ON privacy_svc.faulty TO privacy_svc;
CREATE FUNCTION privacy_svc.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM privacy_svc.faulty WHERE account = OLD.account_id) THEN RAISE EXCEPTION 'injected'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fault BEFORE UPDATE ON privacy_svc.preparation FOR EACH ROW EXECUTE FUNCTION privacy_svc.fail();
CREATE TABLE backend_svc.slow (account uuid PRIMARY KEY);
GRANT SELECT ON backend_svc.slow TO backend_svc;
CREATE FUNCTION backend_svc.drag() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.state = 2 AND EXISTS (SELECT FROM backend_svc.slow WHERE account = NEW.owner) THEN
        PERFORM pg_sleep(6);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drag BEFORE UPDATE ON backend_svc.sample FOR EACH ROW EXECUTE FUNCTION backend_svc.drag();
"""
NO_FAULTS = """
DROP TRIGGER fault ON privacy_svc.preparation; DROP FUNCTION privacy_svc.fail;
DROP TRIGGER drag ON backend_svc.sample; DROP FUNCTION backend_svc.drag;
DROP TABLE privacy_svc.faulty, backend_svc.slow;
"""

BESIDE_OTHERS = [kill for kill in KILLS if not kill.scenario.exclusive]
TAKEOVERS = list({kill.point: kill for kill in BESIDE_OTHERS}.values())
"""One kill for each point. `test_saga_ends_after_a_takeover` runs the other kills only in `make soak`."""

Victims = dict[str, Account]


@pytest_asyncio.fixture(scope="module")
async def faults(rig: Rig) -> AsyncIterator[None]:
    await rig.database.execute(FAULTS)
    yield
    await rig.database.execute(NO_FAULTS)


@pytest_asyncio.fixture(scope="module")
async def restarted(rig: Rig, faults: None) -> AsyncIterator[tuple[Gateway, Victims]]:
    """For each row of the table, kill a gateway while no other gateway runs; then start one."""
    victims = await kill_all(rig, KILLS)
    for account in victims.values():
        await rig.expire_leases(account)
    async with rig.gateway() as gateway:
        yield gateway, victims


@pytest_asyncio.fixture(scope="module")
async def taken_over(rig: Rig, faults: None, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Gateway, Victims]]:
    """For each selected row of the table, kill a gateway while another gateway runs."""
    selected: list[Any] = [
        item.callspec.params["kill"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_saga_ends_after_a_takeover.__name__
    ]
    async with rig.gateway() as gateway:
        yield gateway, await kill_all(rig, selected, expire=True)


async def kill_all(rig: Rig, kills: list[Kill], *, expire: bool = False) -> Victims:
    """Carry out the kills, a few at a time. Returns the account that each kill used."""
    victims: Victims = {}
    free = asyncio.Semaphore(AT_ONCE)

    async def one(kill: Kill) -> None:
        async with free:
            victims[str(kill)] = account = await arrange(rig, kill.scenario)
            await carry_out(rig, kill, account)
            await rig.database.execute("DELETE FROM privacy_svc.faulty WHERE account = $1", account.id)
            if expire:
                await rig.expire_leases(account)

    # A gateway of an exclusive scenario may take over the sagas of other scenarios. Run these scenarios first, one at a
    # time, while there are no other sagas.
    for kill in kills:
        if kill.scenario.exclusive:
            await one(kill)
            await rig.expire_leases(victims[str(kill)], in_seconds=3600)
    async with asyncio.TaskGroup() as group:
        for kill in kills:
            if not kill.scenario.exclusive:
                group.create_task(one(kill))
    return victims


async def arrange(rig: Rig, scenario: Scenario) -> Account:
    account = await rig.account(consented=scenario.consented)
    if scenario.barred:
        await rig.bar(account)
    if scenario.faulty:
        await rig.database.execute("INSERT INTO privacy_svc.faulty VALUES ($1)", account.id)
    if scenario.slow:
        await rig.database.execute("INSERT INTO backend_svc.slow VALUES ($1)", account.id)
    return account


async def carry_out(rig: Rig, kill: Kill, account: Account) -> None:
    scenario = kill.scenario
    if not scenario.operation:
        async with rig.gateway(PATIENT, die=kill.point, lose=scenario.lose, leave="1") as gateway:
            await create_until_dead(gateway, scenario, account)
        check_trace(gateway, scenario)
        return
    async with rig.gateway(PATIENT, die=scenario.before, leave="1") as gateway:
        await create_until_dead(gateway, scenario, account)
    if scenario.foreign:
        await rig.database.execute("UPDATE gateway.saga SET version = version + 1000 WHERE actor = $1", account.id)
    if scenario.exclusive:
        await rig.expire_leases(account, in_seconds=-700 if scenario.foreign else -0.001)
    # This gateway has a long lease. It must not take over sagas that other scenarios leave for the live gateway.
    leave = {} if scenario.exclusive else {"leave": "1"}
    async with rig.gateway(PATIENT, die=kill.point, **leave) as gateway:
        if not scenario.exclusive:
            (saga,) = [saga for saga in await rig.sagas(account) if saga["state"] in OPEN_STATES]
            request, admin = getattr(pb, f"{scenario.operation}Request")(id=str(saga["id"])), await rig.admin()
            with pytest.raises(Refused):
                await gateway.operate(scenario.operation, request, admin)
        await eventually(gateway.is_dead, within=60)
    if scenario.foreign:
        await rig.database.execute("UPDATE gateway.saga SET version = version - 1000 WHERE version > 1000")


async def create_until_dead(gateway: Gateway, scenario: Scenario, account: Account) -> None:
    """Send the sample until the gateway answers, and wait until the gateway has died."""
    answered = False

    async def attempt() -> bool:
        nonlocal answered
        if not answered:
            try:
                await gateway.create(account, **scenario.fields)
                answered = True
            except Refused as refused:
                answered = refused.reason == scenario.refusal != ""
                # The gateway may not have resolved the other services yet.
                if not answered and refused.reason not in ("", "SERVICE_UNAVAILABLE"):
                    raise
        return await gateway.is_dead()

    await eventually(attempt, within=60)


def check_trace(gateway: Gateway, scenario: Scenario) -> None:
    """Check that the gateway reached only points that the table lists."""
    reached = {point.partition(" ")[2] for point in gateway.points()}
    assert reached <= {*scenario.passes, *EVERYWHERE}, scenario.name


def test_every_transition_is_in_the_table() -> None:
    killed = {(when, what) for kill in KILLS for when, _, what in [kill.point.partition(" ")]}
    assert {(when, f"write {transition}") for when in ("before", "after") for transition in Transition} <= killed
    assert {
        (when, what) for when in ("before", "after") for scenario in SCENARIOS for what in scenario.passes
    } <= killed


@pytest.mark.parametrize("kill", KILLS, ids=str)
async def test_saga_ends_after_a_restart(rig: Rig, restarted: tuple[Gateway, Victims], kill: Kill) -> None:
    gateway, victims = restarted
    await check(rig, gateway, kill.scenario, victims[str(kill)])


@pytest.mark.parametrize(
    "kill",
    [pytest.param(kill, marks=() if kill in TAKEOVERS else pytest.mark.soak, id=str(kill)) for kill in BESIDE_OTHERS],
)
async def test_saga_ends_after_a_takeover(rig: Rig, taken_over: tuple[Gateway, Victims], kill: Kill) -> None:
    gateway, victims = taken_over
    await check(rig, gateway, kill.scenario, victims[str(kill)])


async def check(rig: Rig, gateway: Gateway, scenario: Scenario, account: Account) -> None:
    """Check consistency before and after the sender repeats the request."""
    await retry(rig, gateway, account)
    left = await rig.check_consistency(account)
    assert len(left) <= 1
    for _ in range(2):
        answer = await eventually(lambda: repeat(gateway, scenario, account), within=60)
        await retry(rig, gateway, account)
        samples = await rig.check_consistency(account)
        if scenario.refusal:
            assert (samples, answer) == ([], scenario.refusal)
        else:
            assert samples == [answer]
            assert left in ([], samples)
            left = samples


async def repeat(gateway: Gateway, scenario: Scenario, account: Account) -> str | None:
    """Send the sample again. Returns its id or the reason of the refusal, or None if the sender should retry."""
    try:
        return (await gateway.create(account, **scenario.fields)).id
    except Refused as refused:
        return None if refused.reason == "SERVICE_UNAVAILABLE" else refused.reason


async def retry(rig: Rig, gateway: Gateway, account: Account) -> None:
    """Retry an account's parked sagas, now that the fault is removed."""
    for saga in await rig.ended(account):
        if saga["parked"]:
            await gateway.operate("RetrySaga", pb.RetrySagaRequest(id=str(saga["id"])), await rig.admin())
