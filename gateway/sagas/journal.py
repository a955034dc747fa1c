"""The journal of sagas in PostgreSQL: which gateway drives each saga, its known progress, and when it is due next.

A successful saga costs two writes: one before its first step, and one after its caller has the answer. Sagas that
begin or end at the same time share a statement. Every write names the saga's fencing token, which changes when another
gateway takes the saga over. A write with an older token changes nothing.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import asyncpg

from chassis import call_context
from chassis.calling.coalescer import Coalescer
from chassis.errors import Expired
from chassis.storage.database import Database
from fairdb.system.v1.saga_service_pb2 import Saga as State
from gateway.sagas import queries
from gateway.sagas.definition import Definition, Ref, Saga
from gateway.sagas.lease import Lease
from gateway.sagas.metrics import SAGA_TRANSITIONS
from gateway.sagas.transitions import Change, ChangedSaga, NewSaga, Transition

Known = Mapping[tuple[str, int], Definition]
"""Definitions by name and version."""

_TAKEN_AT_ONCE = 5000


class Journal:
    """Reads and writes the sagas that one gateway process owns."""

    def __init__(self, database: Database, lease: Lease, *, deadline_seconds: float) -> None:
        """Set up. `deadline_seconds`: age at which a saga falls due if no task drives it any more."""
        self.lease = lease
        self._database = database
        self._deadline_seconds = deadline_seconds
        self._begins = Coalescer(self._begin_all)
        self._changes = Coalescer(self._write_all)

    async def begin(self, definition: Definition, id: str) -> Saga:
        """Make a saga durable before its first step. Raises ServiceUnavailable, Expired."""
        call = call_context.current()
        remaining = call.time_remaining()
        if remaining is not None and remaining <= 0:
            raise Expired
        saga = Saga(
            definition,
            Ref(id, self.lease.fencing_token()),
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
            queries.BEGIN,
            *zip(*map(NewSaga.of, sagas), strict=True),
            self.lease.owner,
            sagas[0].ref.fencing_token,
            State.STATE_RUNNING,
            self._deadline_seconds,
        )
        SAGA_TRANSITIONS.labels(Transition.BEGIN).inc(len(sagas))
        return [None] * len(sagas)

    async def write(self, change: Change) -> bool:
        """Write a transition; return False if another gateway drives the saga now. Raises ServiceUnavailable."""
        return await self._changes.submit(change)

    async def _write_all(self, changes: Sequence[Change]) -> Sequence[bool]:
        rows = await self._database.fetch(queries.WRITE, *zip(*map(ChangedSaga.of, changes), strict=True))
        written = {Ref(str(row["id"]), row["fencing_token"]) for row in rows}
        for change in changes:
            SAGA_TRANSITIONS.labels(change.transition).inc(change.saga.ref in written)
        return [change.saga.ref in written for change in changes]

    async def due(self, known: Known, driven: Sequence[str], limit: int) -> list[Saga]:
        """Return the due sagas of this gateway that have not passed their pivot, except those in `driven`."""
        rows = await self._database.fetch(queries.DUE, self.lease.owner, [UUID(id) for id in driven], limit)
        return [_to_saga(row, known) for row in rows]

    async def tails_due(self, known: Known, limit: int) -> list[Saga]:
        """Return the due sagas of this gateway that have passed their pivot."""
        rows = await self._database.fetch(queries.TAILS_DUE, self.lease.owner, limit)
        return [_to_saga(row, known) for row in rows]

    async def take_over(self, known: Collection[tuple[str, int]]) -> int:
        """Take over sagas whose definition is in `known` and whose owner's lease has expired; return how many."""
        names, versions = [name for name, _ in known], [version for _, version in known]
        taken = len(await self._database.fetch(queries.TAKE_OVER, self.lease.owner, names, versions, _TAKEN_AT_ONCE))
        SAGA_TRANSITIONS.labels(Transition.TAKE_OVER).inc(taken)
        return taken

    async def set_aside(self, known: Collection[tuple[str, int]]) -> int:
        """Park sagas whose definition is unknown and whose owner's lease ended ten minutes ago; return how many."""
        names, versions = [name for name, _ in known], [version for _, version in known]
        parked = len(await self._database.fetch(queries.SET_ASIDE, names, versions))
        SAGA_TRANSITIONS.labels(Transition.SET_ASIDE).inc(parked)
        return parked

    async def count_open(self) -> list[asyncpg.Record]:
        """Return how many sagas have not ended, by definition and whether they are parked."""
        return await self._database.fetch(queries.COUNT_OPEN)


def _to_saga(row: asyncpg.Record, known: Known) -> Saga:
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
