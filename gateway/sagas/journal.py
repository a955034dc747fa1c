"""The journal of sagas in PostgreSQL: who drives each, how far it is known to have come, when to look at it again.

A saga that succeeds costs two writes: one before its first step, and one behind its answer. Both are shared with
whatever other sagas begin or end at the same time. Every write names the fencing token under which its saga is driven,
and one whose saga was taken over changes nothing.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg

from chassis import call_context
from chassis.calling.coalescer import Coalescer
from chassis.errors import Expired, ServiceUnavailable
from chassis.events import outbox
from chassis.storage.database import Database
from chassis.storage.sweep import Sweep
from fairdb.events.v1.event_pb2 import Event
from fairdb.system.v1.saga_service_pb2 import Saga as State
from gateway.sagas.definition import Definition, Ref, Saga
from gateway.sagas.metrics import SAGA_TRANSITIONS
from gateway.sagas.notes import Notes

OPEN = (State.STATE_RUNNING, State.STATE_UNDOING, State.STATE_FINISHING)

KEEP_LEASE = """
INSERT INTO lease (owner, address, fencing_token, until)
VALUES ($1, $2, nextval('fencing_token'), now() + $3 * interval '1 second')
ON CONFLICT (owner) DO UPDATE SET until = excluded.until RETURNING fencing_token
"""
END_LEASE = "UPDATE lease SET until = now() WHERE owner = $1"
BEGIN = """
INSERT INTO saga (id, definition, version, actor, correlation_id, traceparent, owner, fencing_token, state, due_at)
SELECT new.*, $7, $8, $9, now() + $10 * interval '1 second'
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[]) AS new
"""
# The event of a saga that ends undone is published because, and only if, the saga did so here.
WRITE = f"""
WITH new AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::bigint[], $3::smallint[], $4::boolean[], $5::text[], $6::text[], $7::int[], $8::jsonb[],
        $9::float8[], $10::uuid[], $11::text[], $12::bytea[], $13::text[]
    ) AS new (
        id, fencing_token, state, parked, failed_step, reason, refusals, steps, due_in, event_id, type, event, waiting
    )
), written AS (
    UPDATE saga
    SET state = new.state, parked = new.parked, failed_step = new.failed_step, reason = new.reason,
        waiting = new.waiting, refusals = new.refusals, steps = saga.steps || new.steps, updated_at = now(),
        due_at = now() + new.due_in * interval '1 second',
        entered_at = CASE WHEN saga.state = new.state THEN saga.entered_at ELSE now() END
    FROM new
    WHERE saga.id = new.id AND saga.fencing_token = new.fencing_token AND saga.state <= 3
      AND (saga.state = 3 OR NOT saga.parked)
    RETURNING saga.id, saga.fencing_token
), posted AS (
    {outbox.INTO}
    SELECT new.event_id, new.type, new.event FROM written JOIN new USING (id, fencing_token) WHERE new.event IS NOT NULL
)
SELECT id, fencing_token FROM written
"""
SAGA = "saga.*, extract(epoch FROM now() - entered_at)::float8 AS age"
DUE = f"""
SELECT {SAGA} FROM saga WHERE owner = $1 AND due_at <= now() AND state <= 2 AND NOT parked AND id <> ALL($2::uuid[])
ORDER BY due_at LIMIT $3
"""
# Parked ones as well: what they wait for may come by itself.
TAILS_DUE = f"SELECT {SAGA} FROM saga WHERE owner = $1 AND due_at <= now() AND state = 3 ORDER BY due_at LIMIT $2"
# A token of its own for each: newer than every one under which the saga was driven before. Only for whoever has a lease
# in force: when the database was away for longer than leases are, gateways that live do not rob one another.
TAKE_OVER = """
UPDATE saga SET owner = $1, fencing_token = nextval('fencing_token'), due_at = now(), updated_at = now()
WHERE id IN (
    SELECT id FROM saga LEFT JOIN lease USING (owner)
    WHERE coalesce(lease.until < now(), true) AND owner <> $1 AND state <= 3 AND (state = 3 OR NOT parked)
      AND (definition, version) IN (SELECT * FROM unnest($2::text[], $3::int[]))
      AND EXISTS (SELECT FROM lease AS own WHERE own.owner = $1 AND own.until > now())
    LIMIT $4 FOR UPDATE OF saga SKIP LOCKED
)
RETURNING id
"""
# A gateway of the right version may be on its way up: it gets ten minutes.
SET_ASIDE = """
UPDATE saga SET parked = true, waiting = 'DEFINITION_UNKNOWN', updated_at = now()
FROM lease WHERE lease.owner = saga.owner AND lease.until < now() - interval '10 minutes'
  AND saga.state <= 3 AND NOT saga.parked
  AND (saga.definition, saga.version) NOT IN (SELECT * FROM unnest($1::text[], $2::int[]))
RETURNING id
"""
RETRY = """
UPDATE saga SET parked = false, waiting = '', refusals = 0, owner = $2, fencing_token = nextval('fencing_token'),
    due_at = now(), entered_at = now(), updated_at = now()
WHERE id = $1 AND parked RETURNING id
"""
# Where it stands is found out as after any other take-over: whoever drives it now may just be at its pivot.
CANCEL = """
UPDATE saga SET parked = false, waiting = '', refusals = 0, owner = $2, fencing_token = nextval('fencing_token'),
    reason = CASE state WHEN 1 THEN 'CANCELLED' ELSE reason END,
    failed_step = CASE state WHEN 1 THEN '' ELSE failed_step END,
    due_at = now(), entered_at = now(), updated_at = now()
WHERE id = $1 AND state <= 2 RETURNING id
"""
GET = "SELECT saga.*, lease.address FROM saga LEFT JOIN lease USING (owner) WHERE id = $1"
LIST = """
SELECT saga.*, lease.address FROM saga LEFT JOIN lease USING (owner)
WHERE ($1::smallint IS NULL OR state = $1 AND NOT parked) AND (parked OR NOT $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""
COUNT_OPEN = "SELECT definition, parked, count(*) FROM saga WHERE state <= 3 GROUP BY definition, parked"
# By the time in their ids, for which there is an index; one that took long to end is kept for its time after that.
ENDED_BEFORE = """
state = {state} AND updated_at < now() - interval '{time}' AND id < (
    lpad(to_hex((extract(epoch FROM now() - interval '{time}') * 1000)::bigint), 12, '0') || repeat('0', 20)
)::uuid
"""
SWEEPS = (
    Sweep("saga", ENDED_BEFORE.format(state=State.STATE_DONE, time="1 day")),
    Sweep("saga", ENDED_BEFORE.format(state=State.STATE_UNDONE, time="7 days")),
    Sweep("lease", "until < now() - interval '1 day' AND owner NOT IN (SELECT owner FROM saga WHERE state <= 3)"),
)
_TAKEN_AT_ONCE = 5000


class Transition(StrEnum):
    """Every way in which the journal of a saga changes."""

    BEGIN = "begin"
    FINISH = "finish"
    """Known to be past its pivot, and its tail takes a while."""
    COMPLETE = "complete"
    UNDO = "undo"
    """To be undone, and that takes more than one attempt."""
    UNDONE = "undone"
    POSTPONE = "postpone"
    PARK = "park"
    SET_ASIDE = "set aside"
    """Parked, because no gateway has known its definition for a while."""
    TAKE_OVER = "take over"
    RETRY = "retry"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of one saga, whose driver has already moved it on in memory."""

    transition: Transition
    saga: Saga
    steps: Notes
    due_in: float = 0.0
    """Seconds until its owner looks at it again."""
    event: Event | None = None


class Journal:
    """Reads and writes the sagas of one gateway process."""

    def __init__(self, database: Database, address: str, *, lease_seconds: float, deadline_seconds: float) -> None:
        self.owner = uuid4()
        self.lease_seconds = lease_seconds
        self._database = database
        self._address = address
        self._deadline_seconds = deadline_seconds
        self._token: int | None = None
        self._leased_until = float("-inf")
        self._leased = asyncio.Event()
        self._begins = Coalescer(self._begin_all)
        self._changes = Coalescer(self._write_all)

    async def keep_lease(self) -> None:
        """Be known as alive for another while; waits for the schema. Raises ServiceUnavailable."""
        await self._database.migrated()
        asked_at = asyncio.get_running_loop().time()
        self._token = await self._database.fetchval(KEEP_LEASE, self.owner, self._address, self.lease_seconds)
        self._leased_until = asked_at + self.lease_seconds
        self._leased.set()

    async def end_lease(self) -> None:
        """Leave what is open to others at once."""
        await self._database.execute(END_LEASE, self.owner)

    async def leased(self) -> None:
        """Wait until sagas can begin."""
        await self._leased.wait()

    async def ready(self) -> None:
        """Raise until sagas could begin once."""
        if self._token is None:
            raise ServiceUnavailable(service="database")

    async def begin(self, definition: Definition, id: str) -> Saga:
        """Make a saga durable before its first step. Raises ServiceUnavailable, Expired."""
        call = call_context.current()
        remaining = call.time_remaining()
        if remaining is not None and remaining <= 0:
            raise Expired
        if self._token is None or asyncio.get_running_loop().time() > self._leased_until:
            # Without a lease it would be taken over at once.
            raise ServiceUnavailable(service="database")
        saga = Saga(
            definition,
            Ref(id, self._token),
            call.caller.actor,
            call.correlation_id,
            call.traceparent,
            State.STATE_RUNNING,
            False,
            asyncio.get_running_loop().time(),
        )
        await self._begins.submit(saga)
        return saga

    async def _begin_all(self, sagas: Sequence[Saga]) -> Sequence[None]:
        await self._database.execute(
            BEGIN,
            [UUID(saga.ref.id) for saga in sagas],
            [saga.definition.name for saga in sagas],
            [saga.definition.version for saga in sagas],
            [saga.actor for saga in sagas],
            [saga.correlation_id for saga in sagas],
            [saga.traceparent for saga in sagas],
            self.owner,
            sagas[0].ref.fencing_token,
            State.STATE_RUNNING,
            self._deadline_seconds,
        )
        SAGA_TRANSITIONS.labels(Transition.BEGIN).inc(len(sagas))
        return [None] * len(sagas)

    async def write(self, change: Change) -> bool:
        """Write a transition; False when another gateway drives the saga by now. Raises ServiceUnavailable."""
        return await self._changes.submit(change)

    async def _write_all(self, changes: Sequence[Change]) -> Sequence[bool]:
        sagas = [change.saga for change in changes]
        events = [change.event for change in changes]
        rows = await self._database.fetch(
            WRITE,
            [UUID(saga.ref.id) for saga in sagas],
            [saga.ref.fencing_token for saga in sagas],
            [saga.state for saga in sagas],
            [saga.parked for saga in sagas],
            [saga.failed_step for saga in sagas],
            [saga.reason for saga in sagas],
            [saga.refusals for saga in sagas],
            [_to_json(change.steps) for change in changes],
            [change.due_in for change in changes],
            [event and UUID(event.id) for event in events],
            [event and event.type for event in events],
            [event and event.SerializeToString() for event in events],
            [saga.waiting for saga in sagas],
        )
        written = {Ref(str(row["id"]), row["fencing_token"]) for row in rows}
        for change in changes:
            SAGA_TRANSITIONS.labels(change.transition).inc(change.saga.ref in written)
        return [saga.ref in written for saga in sagas]

    async def due(self, known: Mapping[tuple[str, int], Definition], driven: Sequence[str], limit: int) -> list[Saga]:
        """Return own sagas whose time has come, but for those that a call is driving."""
        rows = await self._database.fetch(DUE, self.owner, [UUID(id) for id in driven], limit)
        return [_to_saga(row, known) for row in rows]

    async def tails_due(self, known: Mapping[tuple[str, int], Definition], limit: int) -> list[Saga]:
        """Return own sagas past their pivot whose time has come."""
        rows = await self._database.fetch(TAILS_DUE, self.owner, limit)
        return [_to_saga(row, known) for row in rows]

    async def take_over(self, known: Collection[tuple[str, int]]) -> int:
        """Take over sagas whose owner's lease has run out and whose definition is known here; return how many."""
        names, versions = [name for name, _ in known], [version for _, version in known]
        taken = len(await self._database.fetch(TAKE_OVER, self.owner, names, versions, _TAKEN_AT_ONCE))
        SAGA_TRANSITIONS.labels(Transition.TAKE_OVER).inc(taken)
        return taken

    async def set_aside(self, known: Collection[tuple[str, int]]) -> int:
        """Park sagas whose definition nobody has known for ten minutes; return how many."""
        names, versions = [name for name, _ in known], [version for _, version in known]
        parked = len(await self._database.fetch(SET_ASIDE, names, versions))
        SAGA_TRANSITIONS.labels(Transition.SET_ASIDE).inc(parked)
        return parked

    async def retry(self, saga_id: UUID) -> bool:
        """Let a parked saga go on, driven from here; False when it is not parked."""
        return await self._move(Transition.RETRY, RETRY, saga_id)

    async def cancel(self, saga_id: UUID) -> bool:
        """Take a saga over to have it undone; False when it is past its pivot or has ended."""
        return await self._move(Transition.CANCEL, CANCEL, saga_id)

    async def _move(self, transition: Transition, statement: str, saga_id: UUID) -> bool:
        moved = await self._database.fetchval(statement, saga_id, self.owner) is not None
        SAGA_TRANSITIONS.labels(transition).inc(moved)
        return moved

    async def get(self, saga_id: UUID) -> asyncpg.Record | None:
        """Return a saga's row."""
        return await self._database.fetchrow(GET, saga_id)

    async def page(self, state: int, after: UUID | None, limit: int) -> list[asyncpg.Record]:
        """Return rows, newest first, in one state or, for 0, in any."""
        parked = state == State.STATE_PARKED
        return await self._database.fetch(LIST, None if parked else state or None, parked, after, limit)

    async def count_open(self) -> list[asyncpg.Record]:
        """Return how many sagas have not ended, by definition and whether they are parked."""
        return await self._database.fetch(COUNT_OPEN)


def _to_saga(row: asyncpg.Record, known: Mapping[tuple[str, int], Definition]) -> Saga:
    return Saga(
        known[row["definition"], row["version"]],
        Ref(str(row["id"]), row["fencing_token"]),
        row["actor"],
        row["correlation_id"],
        row["traceparent"],
        row["state"],
        row["parked"],
        asyncio.get_running_loop().time() - row["age"],
        row["failed_step"],
        row["reason"],
        row["waiting"],
        row["refusals"],
    )


def _to_json(steps: Notes) -> str:
    notes = {name: {"outcome": note.outcome, "time": note.time, "reason": note.reason} for name, note in steps.items()}
    return json.dumps(notes)
