"""A service's own schema in PostgreSQL: a pool that connects when first used, and numbered migrations.

Migrations are files `NNNN_name.sql`; the chassis's own (outbox, inbox) run first. Each runs once, in a transaction and
under a lock, so that several instances may start at once. The search_path of the database role names the schema.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import structlog

from chassis.background import keep_running
from chassis.backoff import Backoff
from chassis.errors import ServiceUnavailable
from chassis.tasks import cancel

log = structlog.get_logger()

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6661697264626D67  # "fairdbmg"

Report = Callable[[str], None]
"""Takes trouble of the server that health is to show, in a few words."""
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


class Database:
    """A connection pool whose schema may not be migrated yet; see `check`."""

    def __init__(self, pool: asyncpg.Pool, report: Report = lambda trouble: None) -> None:
        self.pool = pool
        self._report = report
        self._migrated = asyncio.Event()

    async def check(self) -> None:
        """Raise unless the server answers and the schema is up to date."""
        if not self._migrated.is_set():
            raise ConnectionError("the schema is not ready")
        async with asyncio.timeout(2.0):
            await self.fetchval("SELECT 1")

    async def migrated(self) -> None:
        """Wait until the schema is up to date."""
        await self._migrated.wait()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """Yield a connection. Raises ServiceUnavailable, here and inside the block, while the server is unavailable."""
        try:
            async with self.pool.acquire() as connection:
                yield connection
        except Exception as error:
            if _is_unavailable(error):
                if trouble := next((text for kind, text in _TROUBLES.items() if isinstance(error, kind)), None):
                    self._report(f"database: {trouble}")
                raise ServiceUnavailable(service="database") from error
            raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """Yield a connection inside a transaction. Raises as `connection` does."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Return all rows of one statement."""
        async with self.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row of one statement."""
        async with self.connection() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """Return the first value of one statement."""
        async with self.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> None:
        """Run one statement."""
        async with self.connection() as connection:
            await connection.execute(query, *arguments)

    async def keep_migrated(self, folders: Sequence[Path]) -> None:
        """Migrate the schema as soon as the server answers."""
        unavailable = Backoff(0.1, 1.0)
        failing = Backoff(1.0, 10.0)
        while not self._migrated.is_set():
            try:
                async with self.transaction() as connection:
                    await migrate(connection, folders)
                self._migrated.set()
            except ServiceUnavailable as error:
                log.info("database_unavailable", error=type(error.__cause__).__name__)
                await unavailable.pause()
            except Exception as error:
                log.error("migration_failed", error=error)
                await failing.pause()


# Errors that say something about the server, not about the statement: SQLSTATE 08, 25006, 53, 55P03, 57, 58 and XX.
_UNAVAILABLE = (
    asyncpg.InternalClientError,  # raised when the server dies in the middle of an exchange
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a server whose administrator made it read-only
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,  # shutdown, crash, start-up, statement timeout
    asyncpg.PostgresSystemError,  # an I/O error, such as that of a full disk
    asyncpg.InternalServerError,  # includes errors of the operating system without a class, such as an exceeded quota
)

# Trouble that a check by reading does not notice.
_TROUBLES: dict[type[Exception], str] = {
    asyncpg.DiskFullError: "its disk is full",
    asyncpg.OutOfMemoryError: "it is out of memory",
    asyncpg.TooManyConnectionsError: "it has too many connections",
    asyncpg.InsufficientResourcesError: "it is short of a resource",
    asyncpg.ReadOnlySQLTransactionError: "it is read-only",
    asyncpg.CannotConnectNowError: "it is starting or stopping",
    asyncpg.PostgresIOError: "it cannot read or write its files",
    asyncpg.InternalServerError: "it fails internally",
    TimeoutError: "it answers too slowly",
}


def _is_unavailable(error: Exception) -> bool:
    """Return whether an error means that the server is unavailable, rather than that the statement is wrong."""
    # asyncpg has one class for closed connections and for wrong arguments; only the text differs.
    closed = type(error) is asyncpg.InterfaceError and ("closed" in str(error) or "released" in str(error))
    return closed or isinstance(error, _UNAVAILABLE)


async def migrate(connection: Connection, folders: Sequence[Path]) -> None:
    """Run the migrations that have not run yet, inside the caller's transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1 # hashtext(current_schema())::bigint)", _LOCK)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, ran_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {row["name"] for row in await connection.fetch("SELECT name FROM migration")}
    for folder in folders:
        for file in sorted(folder.glob("*.sql")):
            name = f"{folder.parent.name}/{file.name}"
            if name not in done:
                await connection.execute(file.read_text())
                await connection.execute("INSERT INTO migration (name) VALUES ($1)", name)
                log.info("migrated", migration=name)


async def _reset(connection: Connection) -> None:
    """Skip the reset of a returned connection: no code here changes session state, and a reset is a round trip."""
    if connection.is_in_transaction():
        await connection.reset()


@asynccontextmanager
async def open_database(
    url: str, folders: Sequence[Path], *, size: int = 10, report: Report = lambda trouble: None
) -> AsyncIterator[Database]:
    """Open a service's database. The schema is migrated in the background as soon as the server answers.

    `report` is called with trouble of the server each time it makes a statement fail.
    """
    pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        command_timeout=10.0,
        timeout=3.0,
        max_inactive_connection_lifetime=60.0,
        reset=_reset,
    )
    database = Database(pool, report)
    migrating = asyncio.create_task(keep_running("migration", partial(database.keep_migrated, folders)))
    try:
        yield database
    finally:
        await cancel(migrating)
        pool.terminate()
