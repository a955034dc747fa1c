"""The saga engine: runs new sagas for requests, and brings every interrupted saga to its end.

A request drives its saga up to the pivot, the step after which nothing is undone. If a step fails, the engine undoes
the saga at once. If an undo fails, or if this process dies, the saga's row in the journal falls due later. This or
another gateway then asks whether the pivot took effect. If it did, the gateway waits for the tail, the steps after
the pivot. Otherwise it undoes the saga.
"""

from collections.abc import Sequence
from contextlib import suppress

from chassis.errors import AppError
from gateway.sagas.backward import Backward
from gateway.sagas.definition import Definition, Result, Work
from gateway.sagas.forward import Forward
from gateway.sagas.journal import Journal
from gateway.sagas.recovery import Recovery
from gateway.sagas.tails import Tails
from gateway.sagas.tasks import Tasks
from gateway.sagas.timing import Timing


class Engine:
    """Drives the sagas of this process."""

    def __init__(self, journal: Journal, definitions: Sequence[Definition], limits: Timing) -> None:
        self.known = {(definition.name, definition.version): definition for definition in definitions}
        self._journal = journal
        self._tasks = Tasks()
        self._tails = Tails(journal, self.known, limits)
        self._backward = Backward(journal, self._tails, limits)
        self._forward = Forward(journal, self._backward, self._tails, self._tasks)
        self._recovery = Recovery(journal, self.known, self._backward, self._tails, self._tasks)

    async def execute(self, definition: Definition[Work, Result], id: str, work: Work) -> Result:
        """Run a saga as `Forward.execute` does."""
        return await self._forward.execute(definition, id, work)

    def wake(self) -> None:
        """Drive due sagas now, without waiting for the next tick."""
        self._recovery.ticker.wake()
        self._tails.ticker.wake()

    async def recover(self) -> None:
        """Take over and drive due sagas until cancelled."""
        await self._journal.lease.acquired()
        self._backward.start_clock()
        await self._recovery.ticker.run()

    async def check_tails(self) -> None:
        """Check the tails of this process's sagas until cancelled."""
        await self._journal.lease.acquired()
        await self._tails.ticker.run()

    async def close(self) -> None:
        """Let the sagas in progress end. Call it after the loops above have ended."""
        # Wait without a limit, because callees answer within seconds. Another gateway picks up anything unfinished.
        await self._tasks.wait()
        with suppress(AppError):
            await self._tails.check_recent()
