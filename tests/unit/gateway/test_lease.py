"""Keeping a lease: errors of the database do not end the renewals."""

import asyncio

import pytest

from chassis.background import keep_running
from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database
from gateway.sagas.lease import Lease

SECONDS = 0.04
ERRORS = (ServiceUnavailable(service="database"), TimeoutError(), KeyError("row"))


class FailingDatabase(Database):
    """Fails statements with one error, a few times."""

    def __init__(self, error: Exception, *, failures: int) -> None:
        self._error = error
        self._failures = failures
        self.ended = 0

    async def migrated(self) -> None:
        pass

    async def fetchval(self, query: str, *arguments: object) -> int:
        self._failures -= 1
        if self._failures >= 0:
            raise self._error
        return 7

    async def execute(self, query: str, *arguments: object) -> None:
        self.ended += 1
        raise self._error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_lease_is_renewed_after_errors_and_ends_when_cancelled(error: Exception) -> None:
    database = FailingDatabase(error, failures=3)
    lease = Lease(database, "127.0.0.1:1", seconds=SECONDS)
    keeping = asyncio.create_task(keep_running("lease", lease.keep))
    async with asyncio.timeout(30):
        await asyncio.wait((keeping, asyncio.create_task(lease.acquired())), return_when=asyncio.FIRST_COMPLETED)
    assert not keeping.done(), keeping
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert database.ended == 1
