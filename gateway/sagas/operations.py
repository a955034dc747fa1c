"""The operators' access to the journal: read, retry and cancel the sagas of any gateway."""

from uuid import UUID

import asyncpg

from chassis.storage.database import Database
from fairdb.system.v1.saga_service_pb2 import Saga as State
from gateway.sagas import queries
from gateway.sagas.lease import Lease
from gateway.sagas.metrics import SAGA_TRANSITIONS
from gateway.sagas.transitions import Transition


class Operations:
    """Reads sagas. Moves a saga to this gateway when an operator retries or cancels it."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease

    async def get(self, saga_id: UUID) -> asyncpg.Record | None:
        """Return a saga's row, or None if there is no such saga."""
        return await self._database.fetchrow(queries.GET, saga_id)

    async def page(self, state: int, after: UUID | None, limit: int) -> list[asyncpg.Record]:
        """Return rows, newest first, in the given state, or in any state if `state` is 0."""
        parked = state == State.STATE_PARKED
        return await self._database.fetch(queries.LIST, None if parked else state or None, parked, after, limit)

    async def retry(self, saga_id: UUID) -> bool:
        """Unpark a saga, and make this gateway drive it; return False if it is not parked."""
        return await self._move(Transition.RETRY, queries.RETRY, saga_id)

    async def cancel(self, saga_id: UUID) -> bool:
        """Take a saga over to undo it; return False if it has passed its pivot or has ended."""
        return await self._move(Transition.CANCEL, queries.CANCEL, saga_id)

    async def _move(self, transition: Transition, statement: str, saga_id: UUID) -> bool:
        moved = await self._database.fetchval(statement, saga_id, self._lease.owner) is not None
        SAGA_TRANSITIONS.labels(transition).inc(moved)
        return moved
