"""The journal of sagas on a real database: leases, takeover, and fencing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from uuid6 import uuid7

from chassis import call_context
from chassis.call_context import Call, Caller
from chassis.errors import Expired, ServiceUnavailable
from chassis.events import outbox
from chassis.storage.database import Database, open_database
from fairdb.system.v1.saga_service_pb2 import Saga as State
from fairdb.system.v1.saga_service_pb2 import SagaStep
from gateway.sagas.definition import Definition, Saga
from gateway.sagas.journal import Journal
from gateway.sagas.lease import Lease
from gateway.sagas.notes import StepNote
from gateway.sagas.operations import Operations
from gateway.sagas.queries import SWEEPS
from gateway.sagas.transitions import Change, Transition
from tests.integration.conftest import NewDatabase
from tests.unit.gateway.sagas import Script

DEFINITION: Definition = Script().definition
KNOWN = {("script", 1): DEFINITION}
ACCOUNT = "0192f0c4-0000-7000-8000-000000000001"
MANY = """
INSERT INTO saga (id, definition, version, owner, fencing_token, state, actor, correlation_id, traceparent, due_at)
SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid,
       'script', 1, gen_random_uuid(), 1, 5, '', '', '', now()
FROM generate_series(1, 50000) AS n
"""
NOTES = {"a1": StepNote(SagaStep.OUTCOME_DONE, "2026-01-01T00:00:00+00:00")}


class Ledger:
    """A database, and the journals of several gateways on it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def journal(self, *, lease: float = 60.0, deadline: float = 60.0) -> Journal:
        held = Lease(self.database, "127.0.0.1:1", seconds=lease)
        await held.renew()
        return Journal(self.database, held, deadline_seconds=deadline)

    def operations(self, journal: Journal) -> Operations:
        return Operations(self.database, journal.lease)

    async def row(self, saga: Saga) -> Any:
        return await self.database.fetchrow("SELECT * FROM saga WHERE id = $1", UUID(saga.ref.id))

    async def sweep(self) -> None:
        for sweep in SWEEPS:
            await self.database.execute(sweep.statement)

    async def events(self) -> list[str]:
        return [row["type"] for row in await self.database.fetch("SELECT type FROM outbox")]

    async def expire(self, journal: Journal, ago: str = "1 second") -> None:
        await self.database.execute(
            f"UPDATE lease SET until = now() - interval '{ago}' WHERE owner = $1", journal.lease.owner
        )


@pytest_asyncio.fixture
async def ledger(new_database: NewDatabase) -> AsyncIterator[Ledger]:
    call_context.enter(Call(caller=Caller(user_id=ACCOUNT)))
    async with open_database(await new_database("gateway"), []) as database:
        yield Ledger(database)


async def begin(journal: Journal) -> Saga:
    return await journal.begin(DEFINITION, str(uuid7()))


def undone(saga: Saga) -> Change:
    saga.state, saga.reason = State.STATE_UNDONE, "SAMPLE_NOT_FOUND"
    return Change(Transition.UNDONE, saga, NOTES, event=outbox.new_event("sample.failed", saga.ref.id, 1, ACCOUNT))


async def test_journal_row_does_not_contain_the_raw_sample(ledger: Ledger) -> None:
    journal = await ledger.journal()
    saga = await begin(journal)
    row = await ledger.row(saga)
    assert (row["definition"], row["version"], row["state"], row["actor"]) == ("script", 1, 1, ACCOUNT)
    assert row["owner"] == journal.lease.owner
    assert row["fencing_token"] == saga.ref.fencing_token


async def test_gateway_without_a_lease_begins_no_saga(ledger: Ledger) -> None:
    lease = Lease(ledger.database, "127.0.0.1:1", seconds=6)
    journal = Journal(ledger.database, lease, deadline_seconds=60)
    with pytest.raises(ServiceUnavailable):
        await begin(journal)


async def test_sagas_that_begin_together_share_a_commit(ledger: Ledger) -> None:
    journal = await ledger.journal()
    sagas = await asyncio.gather(*(begin(journal) for _ in range(100)))
    commits = await ledger.database.fetchval("SELECT count(DISTINCT xmin::text) FROM saga")
    assert await ledger.database.fetchval("SELECT count(*) FROM saga") == len(sagas)
    # The first write is sent alone, because no other write was in flight.
    assert commits <= 3


async def test_end_of_a_saga_is_written_with_its_event_and_its_steps(ledger: Ledger) -> None:
    journal = await ledger.journal()
    saga = await begin(journal)
    assert await journal.write(undone(saga))
    row = await ledger.row(saga)
    assert (row["state"], row["reason"]) == (State.STATE_UNDONE, "SAMPLE_NOT_FOUND")
    assert '"a1"' in row["steps"]
    assert await ledger.events() == ["sample.failed"]


async def test_sagas_of_a_live_gateway_are_not_taken_over(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    await begin(journal)
    assert await other.take_over(KNOWN) == 0


@pytest.mark.parametrize("how", ["silent", "stopped"])
async def test_sagas_of_a_dead_gateway_are_taken_over_under_a_newer_token(ledger: Ledger, how: str) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    await (ledger.expire(journal) if how == "silent" else journal.lease.end())
    assert await other.take_over(KNOWN) == 1
    (taken,) = await other.due(KNOWN, [], 100)
    assert taken.ref.id == saga.ref.id
    assert taken.ref.fencing_token > max(saga.ref.fencing_token, (await begin(other)).ref.fencing_token)
    assert await journal.due(KNOWN, [], 100) == []


async def test_gateway_cannot_write_to_a_saga_that_was_taken_over(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    await ledger.expire(journal)
    await other.take_over(KNOWN)
    before = await ledger.row(saga)
    await journal.lease.renew()  # A suspended gateway does this when it resumes.
    assert not await journal.write(undone(saga))
    assert await ledger.row(saga) == before
    assert await ledger.events() == []


async def test_concurrent_takeovers_take_each_saga_once(ledger: Ledger) -> None:
    journal = await ledger.journal()
    sagas = [await begin(journal) for _ in range(50)]
    others = [await ledger.journal() for _ in range(4)]
    await ledger.expire(journal)
    counts = await asyncio.gather(*(other.take_over(KNOWN) for other in others))
    found = [saga.ref.id for other in others for saga in await other.due(KNOWN, [], 100)]
    assert sum(counts) == len(found) == 50
    assert set(found) == {saga.ref.id for saga in sagas}


async def test_saga_of_an_unknown_version_waits_and_then_is_parked(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    newer = {("script", 2): DEFINITION}
    await ledger.expire(journal)
    assert await other.take_over(newer) == 0
    assert not (await ledger.row(saga))["parked"]
    await ledger.expire(journal, "11 minutes")
    assert await other.take_over(newer) == 0
    assert await other.set_aside(newer) == 1
    row = await ledger.row(saga)
    assert (row["parked"], row["waiting"]) == (True, "DEFINITION_UNKNOWN")
    # A gateway that knows the version continues only after an operator's retry.
    assert await other.take_over(KNOWN) == 0
    assert await ledger.operations(other).retry(UUID(saga.ref.id))
    assert [due.ref.id for due in await other.due(KNOWN, [], 100)] == [saga.ref.id]


async def test_saga_is_due_after_its_deadline_unless_it_is_being_driven(ledger: Ledger) -> None:
    journal = await ledger.journal(deadline=0)
    saga = await begin(journal)
    assert await journal.due(KNOWN, [saga.ref.id], 100) == []
    assert [due.ref for due in await journal.due(KNOWN, [], 100)] == [saga.ref]


async def test_parked_saga_continues_only_after_a_retry(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    saga.state, saga.waiting = State.STATE_UNDOING, "b: INTERNAL"
    assert not await ledger.operations(journal).retry(UUID(saga.ref.id))
    saga.parked = True
    assert await journal.write(Change(Transition.PARK, saga, NOTES))
    assert await journal.due(KNOWN, [], 100) == []
    assert not await journal.write(undone(saga))
    await ledger.expire(journal)
    assert await other.take_over(KNOWN) == 0
    assert await ledger.operations(other).retry(UUID(saga.ref.id))
    (due,) = await other.due(KNOWN, [], 100)
    assert (due.state, due.waiting) == (State.STATE_UNDOING, "")
    assert due.ref.fencing_token > saga.ref.fencing_token


@pytest.mark.parametrize(
    ("state", "cancellable"),
    [
        (State.STATE_RUNNING, True),
        (State.STATE_UNDOING, True),
        (State.STATE_FINISHING, False),
        (State.STATE_DONE, False),
        (State.STATE_UNDONE, False),
    ],
)
async def test_only_a_saga_before_its_pivot_can_be_cancelled(
    ledger: Ledger, state: State.State.ValueType, cancellable: bool
) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    saga.state, saga.reason = state, "SAMPLE_NOT_FOUND"
    assert await journal.write(Change(Transition.POSTPONE, saga, {}))
    assert await ledger.operations(other).cancel(UUID(saga.ref.id)) == cancellable
    if cancellable:
        (due,) = await other.due(KNOWN, [], 100)
        assert due.ref.fencing_token > saga.ref.fencing_token
        # A saga that is already being undone keeps its reason.
        assert due.reason == ("CANCELLED" if state == State.STATE_RUNNING else "SAMPLE_NOT_FOUND")


async def test_pages_are_newest_first_and_by_state(ledger: Ledger) -> None:
    journal = await ledger.journal()
    sagas = [await begin(journal) for _ in range(5)]
    sagas[1].state = State.STATE_DONE
    await journal.write(Change(Transition.COMPLETE, sagas[1], {}))
    sagas[2].parked = True
    await journal.write(Change(Transition.PARK, sagas[2], {}))

    async def ids(state: int, after: UUID | None = None, limit: int = 10) -> list[int]:
        found = await ledger.operations(journal).page(state, after, limit)
        return [[saga.ref.id for saga in sagas].index(str(row["id"])) for row in found]

    assert await ids(0) == [4, 3, 2, 1, 0]
    assert await ids(State.STATE_DONE) == [1]
    assert await ids(State.STATE_PARKED) == [2]
    assert await ids(State.STATE_RUNNING) == [4, 3, 0]
    assert await ids(0, after=UUID(sagas[3].ref.id), limit=2) == [2, 1]
    assert {(row["parked"], row["count"]) for row in await journal.count_open()} == {(False, 3), (True, 1)}


async def test_ended_sagas_are_deleted_after_their_retention(ledger: Ledger) -> None:
    journal = await ledger.journal()
    ages = {"day": 25 * 3600, "week": 8 * 24 * 3600, "now": 0, "late": 8 * 24 * 3600}
    ids = {}
    for name, age in ages.items():
        for state in (State.STATE_DONE, State.STATE_UNDONE, State.STATE_RUNNING):
            real = uuid7()
            id = UUID(int=real.int - (age * 1000 << 80))
            saga = await journal.begin(DEFINITION, str(id))
            saga.state = state
            await journal.write(Change(Transition.COMPLETE, saga, {}))
            if name != "late":  # "late" has an old id, but ended just now
                back = "UPDATE saga SET updated_at = now() - $2 * interval '1 second' WHERE id = $1"
                await ledger.database.execute(back, id, age)
            ids[id] = (name, state)
    await ledger.sweep()
    left = {ids[row["id"]] for row in await ledger.database.fetch("SELECT id FROM saga")}
    assert set(ids.values()) - left == {
        ("day", State.STATE_DONE),
        ("week", State.STATE_DONE),
        ("week", State.STATE_UNDONE),
    }


async def test_expired_lease_without_sagas_is_deleted(ledger: Ledger) -> None:
    idle, busy = await ledger.journal(), await ledger.journal()
    await begin(busy)
    for journal in (idle, busy):
        await ledger.expire(journal, "25 hours")
    await ledger.sweep()
    assert [row["owner"] for row in await ledger.database.fetch("SELECT owner FROM lease")] == [busy.lease.owner]


async def test_parked_tail_is_still_checked_and_taken_over(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    saga = await begin(journal)
    saga.state, saga.parked = State.STATE_FINISHING, True
    assert await journal.write(Change(Transition.PARK, saga, {}))
    await ledger.expire(journal)
    assert await other.take_over(KNOWN) == 1
    (tail,) = await other.tails_due(KNOWN, 100)
    assert tail.parked
    tail.state, tail.parked = State.STATE_DONE, False
    assert await other.write(Change(Transition.COMPLETE, tail, {}))
    row = await ledger.row(saga)
    assert (row["state"], row["parked"]) == (State.STATE_DONE, False)


async def test_gateway_with_an_expired_lease_neither_takes_over_nor_begins_sagas(ledger: Ledger) -> None:
    """If the database was unavailable for longer than a lease, live gateways must not take each other's sagas."""
    journal, other = await ledger.journal(), await ledger.journal(lease=0)
    await begin(journal)
    await ledger.expire(journal)
    assert await other.take_over(KNOWN) == 0
    with pytest.raises(ServiceUnavailable):
        await begin(other)


async def test_sagas_whose_lease_was_deleted_are_taken_over(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    await begin(journal)
    await ledger.database.execute("DELETE FROM lease WHERE owner = $1", journal.lease.owner)
    assert await other.take_over(KNOWN) == 1


async def test_batch_applies_only_the_change_under_the_current_token(ledger: Ledger) -> None:
    journal, other = await ledger.journal(), await ledger.journal()
    stale = await begin(journal)
    await ledger.expire(journal)
    await other.take_over(KNOWN)
    (current,) = await other.due(KNOWN, [], 100)
    assert await asyncio.gather(other.write(undone(stale)), other.write(undone(current))) == [False, True]
    assert await ledger.events() == ["sample.failed"]


async def test_request_past_its_deadline_begins_no_saga(ledger: Ledger) -> None:
    journal = await ledger.journal()
    call_context.enter(Call(caller=Caller(user_id=ACCOUNT), deadline=asyncio.get_running_loop().time() - 1))
    with pytest.raises(Expired):
        await begin(journal)
    assert await ledger.database.fetchval("SELECT count(*) FROM saga") == 0


async def test_sweep_uses_an_index(ledger: Ledger) -> None:
    async with ledger.database.transaction() as connection:
        await connection.execute(MANY)
        await connection.execute("ANALYZE saga")
        for sweep in SWEEPS:
            plan = await connection.fetch(f"EXPLAIN {sweep.statement}")
            assert not [line[0] for line in plan if "Seq Scan on saga" in line[0]], sweep
