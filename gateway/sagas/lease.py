"""The lease of this gateway process: until it expires, no other gateway takes over the sagas of this one."""

import asyncio
from uuid import uuid4

import structlog

from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database
from gateway.sagas import queries

log = structlog.get_logger()


class Lease:
    """The lease of this process, which covers all its sagas. A lease for each saga would cost a write for each."""

    def __init__(self, database: Database, address: str, *, seconds: float) -> None:
        """Set up. `address`: where this process listens; operators see it in the journal."""
        self.owner = uuid4()
        self._database = database
        self._address = address
        self._seconds = seconds
        self._token: int | None = None
        self._until = float("-inf")
        self._acquired = asyncio.Event()

    async def keep(self) -> None:
        """Renew the lease after every quarter of its duration until cancelled; then end it."""
        try:
            while True:
                try:
                    # A connection that hangs must not let the lease expire.
                    async with asyncio.timeout(self._seconds / 2):
                        await self.renew()
                except (ServiceUnavailable, TimeoutError) as error:
                    log.info("lease_not_renewed", error=type(error).__name__)
                await asyncio.sleep(self._seconds / 4)
        except asyncio.CancelledError:
            try:
                await self.end()
            except Exception as error:
                log.info("lease_not_ended", error=error)
            raise

    async def renew(self) -> None:
        """Extend the lease by its duration, once the schema exists. Raises ServiceUnavailable."""
        await self._database.migrated()
        asked_at = asyncio.get_running_loop().time()
        self._token = await self._database.fetchval(queries.RENEW_LEASE, self.owner, self._address, self._seconds)
        self._until = asked_at + self._seconds
        self._acquired.set()

    async def end(self) -> None:
        """Let other gateways take over this process's sagas at once."""
        await self._database.execute(queries.END_LEASE, self.owner)

    async def acquired(self) -> None:
        """Wait until the lease has been acquired once."""
        await self._acquired.wait()

    async def check_acquired(self) -> None:
        """Raise ServiceUnavailable unless the lease has been acquired once."""
        if self._token is None:
            raise ServiceUnavailable(service="database")

    def fencing_token(self) -> int:
        """Return the token for new sagas. Raises ServiceUnavailable while the lease is not valid.

        Without a valid lease, another gateway would take the saga over at once.
        """
        if self._token is None or asyncio.get_running_loop().time() > self._until:
            raise ServiceUnavailable(service="database")
        return self._token
