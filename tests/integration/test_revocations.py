"""Revocations on a real database: expired ones are not copied, and the sweep finds them through an index."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from auth_svc.revocations import ALL, SWEEP_REVOCATIONS
from chassis.storage.database import open_database
from tests.integration.conftest import NewDatabase

INSERT = "INSERT INTO revocation (identifier, expires_at) VALUES ($1, $2)"
MANY = "INSERT INTO revocation SELECT gen_random_uuid(), now() + interval '10 minutes' FROM generate_series(1, 20000)"


async def test_expired_revocation_is_not_copied(new_database: NewDatabase) -> None:
    current, expired = uuid4(), uuid4()
    now = datetime.now(UTC)
    async with open_database(await new_database("auth_svc"), []) as database:
        await database.execute(INSERT, current, now + timedelta(minutes=10))
        await database.execute(INSERT, expired, now - timedelta(minutes=1))
        rows: dict[UUID, int] = {row["identifier"]: row["seconds"] for row in await database.fetch(ALL)}
    assert set(rows) == {current}
    assert 0 < rows[current] <= 600


async def test_sweeping_uses_an_index(new_database: NewDatabase) -> None:
    async with open_database(await new_database("auth_svc"), []) as database:
        await database.execute(MANY)
        await database.execute("ANALYZE revocation")
        plan = [row[0] for row in await database.fetch(f"EXPLAIN {SWEEP_REVOCATIONS.statement}")]
    assert not [line for line in plan if "Seq Scan on revocation" in line], plan
