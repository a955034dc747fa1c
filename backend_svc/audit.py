"""The audit log: who did what to which sample. Rows are written with what they tell of, and never changed."""

from collections.abc import Sequence
from uuid import UUID

from chassis import calls
from chassis.database import Connection, Database
from fairdb.samples.v1.sample_service_pb2 import AuditEntry

WRITE = """
INSERT INTO audit (sample_id, action, actor, correlation_id)
SELECT sample_id, $2, $3, $4 FROM unnest($1::uuid[]) AS sample_id
"""
LIST = "SELECT * FROM audit WHERE sample_id = $1 ORDER BY id"


async def write(connection: Connection, sample_ids: Sequence[UUID], action: str, actor: str) -> None:
    """Write one row a sample, inside the caller's transaction."""
    await connection.execute(WRITE, sample_ids, action, actor, calls.current().correlation_id)


async def list_entries(database: Database, sample_id: UUID) -> list[AuditEntry]:
    """Return a sample's rows, oldest first."""
    entries = []
    for row in await database.fetch(LIST, sample_id):
        entry = AuditEntry(action=row["action"], actor=row["actor"], correlation_id=row["correlation_id"])
        entry.time.FromDatetime(row["time"])
        entries.append(entry)
    return entries
