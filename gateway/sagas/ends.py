"""The ends of a saga: done, undone, or parked for an operator.

Metrics count a saga only after the journal has accepted its end, so that two gateways do not both count it.
"""

import structlog

from gateway.sagas import timing
from gateway.sagas.definition import Saga
from gateway.sagas.journal import Journal
from gateway.sagas.metrics import SAGAS
from gateway.sagas.notes import Notes
from gateway.sagas.transitions import Change, Transition

log = structlog.get_logger()


async def end(journal: Journal, change: Change, outcome: str) -> None:
    """Write a saga's last transition, and count it unless another gateway drives the saga now."""
    if await journal.write(change):
        SAGAS.labels(change.saga.definition.name, outcome).inc()


async def park(journal: Journal, saga: Saga, notes: Notes) -> None:
    """Stop driving a saga until an operator retries it."""
    saga.parked = True
    log.error("saga_parked", saga=saga.ref.id, waiting=saga.waiting)
    await end(journal, Change(Transition.PARK, saga, notes, due_in=timing.LONGEST_BACKOFF), "parked")
