"""The saga engine: runs a new saga for its request, and every interrupted saga to its end.

A request drives a saga's first run. A refusal, a lost answer or the death of this process interrupts the run and
leaves a row in the journal. When the row falls due, this or another gateway asks whether the pivot took
effect, and either undoes the saga or watches its tail.
"""

import asyncio
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
        """Look at due sagas now, without waiting for the next second."""
        self._recovery.ticker.wake()
        self._tails.ticker.wake()

    async def run(self) -> None:
        """Take over and drive due sagas until cancelled; then let the sagas in progress end."""
        await self._journal.lease.acquired()
        self._backward.start_clock()
        tails = asyncio.create_task(self._tails.ticker.run())
        try:
            await self._recovery.ticker.run()
        finally:
            tails.cancel()
            await asyncio.gather(tails, return_exceptions=True)
            # Callees answer within seconds. Another gateway picks up anything unfinished.
            await self._tasks.wait()
            with suppress(AppError):
                await self._tails.check_recent()
