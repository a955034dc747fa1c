"""A gateway dies at any point of any saga: what it leaves is ended by the next one, and nothing is there twice."""

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
"""Those who die are taken over when the test says so, not by the next one that is to die."""

# Names of accounts for which something goes wrong until they are taken out again.
FAULTS = """
CREATE TABLE privacy_svc.faulty (account uuid PRIMARY KEY);
GRANT SELECT ON privacy_svc.faulty TO privacy_svc;
CREATE FUNCTION privacy_svc.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM privacy_svc.faulty WHERE account = OLD.account_id) THEN RAISE EXCEPTION 'a fault'; END IF;
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

BESIDE_OTHERS = [kill for kill in KILLS if not kill.scenario.alone]
TAKE_OVERS = list({kill.point: kill for kill in BESIDE_OTHERS}.values())
"""One kill for each point. `test_after_a_restart` has every row of the table, and `make soak` both."""

Victims = dict[str, Account]


@pytest_asyncio.fixture(scope="module")
async def faults(rig: Rig) -> AsyncIterator[None]:
    await rig.database.execute(FAULTS)
    yield
    await rig.database.execute(NO_FAULTS)


@pytest_asyncio.fixture(scope="module")
async def restarted(rig: Rig, faults: None) -> AsyncIterator[tuple[Gateway, Victims]]:
    """Kill a gateway for each row of the table while there is no other one; then start one."""
    victims = await kill_all(rig, KILLS)
    for account in victims.values():
        await rig.expire_leases(account)
    async with rig.gateway() as gateway:
        yield gateway, victims


@pytest_asyncio.fixture(scope="module")
async def taken_over(rig: Rig, faults: None, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Gateway, Victims]]:
    """Kill a gateway for each selected row of the table while another gateway runs."""
    selected: list[Any] = [
        item.callspec.params["kill"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_after_a_take_over.__name__
    ]
    async with rig.gateway() as gateway:
        yield gateway, await kill_all(rig, selected, expire=True)


async def kill_all(rig: Rig, kills: list[Kill], *, expire: bool = False) -> Victims:
    """Let each kill happen, a few at a time; return whose saga it was."""
    victims: Victims = {}
    free = asyncio.Semaphore(AT_ONCE)

    async def one(kill: Kill) -> None:
        async with free:
            victims[str(kill)] = account = await arrange(rig, kill.scenario)
            await happen(rig, kill, account)
            await rig.database.execute("DELETE FROM privacy_svc.faulty WHERE account = $1", account.id)
            if expire:
                await rig.expire_leases(account)

    # Who takes over takes whatever there is, so these have the place to themselves; all others leave it alone.
    for kill in kills:
        if kill.scenario.alone:
            await one(kill)
            await rig.expire_leases(victims[str(kill)], in_seconds=3600)
    async with asyncio.TaskGroup() as group:
        for kill in kills:
            if not kill.scenario.alone:
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


async def happen(rig: Rig, kill: Kill, account: Account) -> None:
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
    if scenario.alone:
        await rig.expire_leases(account, in_seconds=-700 if scenario.foreign else -0.001)
    # It must not take along, into its long lease, what another scenario has left for the one that lives.
    leave = {} if scenario.alone else {"leave": "1"}
    async with rig.gateway(PATIENT, die=kill.point, **leave) as gateway:
        if not scenario.alone:
            (saga,) = [saga for saga in await rig.sagas(account) if saga["state"] in OPEN_STATES]
            request, admin = getattr(pb, f"{scenario.operation}Request")(id=str(saga["id"])), await rig.admin()
            with pytest.raises(Refused):
                await gateway.operate(scenario.operation, request, admin)
        await eventually(gateway.is_dead, within=60)
    if scenario.foreign:
        await rig.database.execute("UPDATE gateway.saga SET version = version - 1000 WHERE version > 1000")


async def create_until_dead(gateway: Gateway, scenario: Scenario, account: Account) -> None:
    """Send the sample, again until it is answered, and wait until the gateway has come to its end."""
    answered = False

    async def attempt() -> bool:
        nonlocal answered
        if not answered:
            try:
                await gateway.create(account, **scenario.fields)
                answered = True
            except Refused as refused:
                answered = refused.reason == scenario.refusal != ""
                # Before the registry has named them, it does not know where the others are.
                if not answered and refused.reason not in ("", "SERVICE_UNAVAILABLE"):
                    raise
        return await gateway.is_dead()

    await eventually(attempt, within=60)


def check_trace(gateway: Gateway, scenario: Scenario) -> None:
    """Hold what a gateway came by against the table."""
    came_by = {point.partition(" ")[2] for point in gateway.points()}
    assert came_by <= {*scenario.passes, *EVERYWHERE}, scenario.name


def test_every_transition_is_in_the_table() -> None:
    killed = {(when, what) for kill in KILLS for when, _, what in [kill.point.partition(" ")]}
    assert {(when, f"write {transition}") for when in ("before", "after") for transition in Transition} <= killed
    assert {
        (when, what) for when in ("before", "after") for scenario in SCENARIOS for what in scenario.passes
    } <= killed


@pytest.mark.parametrize("kill", KILLS, ids=str)
async def test_after_a_restart(rig: Rig, restarted: tuple[Gateway, Victims], kill: Kill) -> None:
    gateway, victims = restarted
    await check(rig, gateway, kill.scenario, victims[str(kill)])


@pytest.mark.parametrize(
    "kill",
    [pytest.param(kill, marks=() if kill in TAKE_OVERS else pytest.mark.soak, id=str(kill)) for kill in BESIDE_OTHERS],
)
async def test_after_a_take_over(rig: Rig, taken_over: tuple[Gateway, Victims], kill: Kill) -> None:
    gateway, victims = taken_over
    await check(rig, gateway, kill.scenario, victims[str(kill)])


async def check(rig: Rig, gateway: Gateway, scenario: Scenario, account: Account) -> None:
    """Hold what is left against the sagas, before and after the sender repeats the request."""
    await retry(rig, gateway, account)
    left = await rig.check_nothing_is_left_over_or_doubled(account)
    assert len(left) <= 1
    for _ in range(2):
        answer = await eventually(lambda: repeat(gateway, scenario, account), within=60)
        await retry(rig, gateway, account)
        samples = await rig.check_nothing_is_left_over_or_doubled(account)
        if scenario.refusal:
            assert (samples, answer) == ([], scenario.refusal)
        else:
            assert samples == [answer]
            assert left in ([], samples)
            left = samples


async def repeat(gateway: Gateway, scenario: Scenario, account: Account) -> str | None:
    """Send the sample once more; return its id or why it is refused, None when the sender is to try again."""
    try:
        return (await gateway.create(account, **scenario.fields)).id
    except Refused as refused:
        return None if refused.reason == "SERVICE_UNAVAILABLE" else refused.reason


async def retry(rig: Rig, gateway: Gateway, account: Account) -> None:
    """Let an account's sagas go on that were parked, now that what made them fail is mended."""
    for saga in await rig.ended(account):
        if saga["parked"]:
            await gateway.operate("RetrySaga", pb.RetrySagaRequest(id=str(saga["id"])), await rig.admin())
