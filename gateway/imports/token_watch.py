"""Token watch: stops an import once its caller's access token has expired or was revoked."""

import asyncio
from collections.abc import Coroutine
from time import time
from typing import Any

from chassis.call_context import Caller
from chassis.errors import DeadlineExceeded, ServiceUnavailable, Unauthenticated
from chassis.identity.revocation import Revocations
from chassis.tasks import cancel
from gateway.imports.attempts import Attempts

_RECHECK_SECONDS = 1.0


class TokenWatch:
    """Checks access tokens during an import, which may outlast its token."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def check(self, caller: Caller) -> None:
        """Raise Unauthenticated or TokenRevoked if the token is no longer valid.

        Raises ServiceUnavailable or DeadlineExceeded if revocation cannot be checked within the time limit of a row.
        """
        attempts = Attempts()
        while True:
            if time() >= caller.token_expires:
                raise Unauthenticated
            try:
                return await self._revocations.check(caller)
            except (ServiceUnavailable, DeadlineExceeded):
                if attempts.exhausted():
                    raise
            await attempts.pause()

    async def run(self, work: Coroutine[Any, Any, None], caller: Caller) -> None:
        """Run work until it ends or the token is no longer valid. Raises the error of the work or of the check."""
        # The token is checked when a row begins, and also in a separate task, because blank lines never begin a row.
        tasks = asyncio.create_task(work), asyncio.create_task(self._watch(caller))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    return task.result()
        finally:
            await cancel(*tasks)

    async def _watch(self, caller: Caller) -> None:
        while True:
            await self.check(caller)
            await asyncio.sleep(max(0.0, min(_RECHECK_SECONDS, caller.token_expires - time())))
