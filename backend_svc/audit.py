"""The audit log: who did what to a sample. Written by sql/store.sql and sql/advance.sql, in the transaction of the deed."""

from uuid import UUID

from chassis.database import Database
from fairdb.samples.v1.sample_service_pb2 import AuditEntry

LIST = "SELECT action, actor, correlation_id, done_at FROM audit_entry WHERE sample = $1 ORDER BY id"


async def list_of(database: Database, sample: UUID) -> list[AuditEntry]:
    """Return a sample's audit entries, oldest first."""
    entries: list[AuditEntry] = []
    for row in await database.pool.fetch(LIST, sample):
        entry = AuditEntry(action=row["action"], actor=row["actor"], correlation_id=row["correlation_id"])
        entry.time.FromDatetime(row["done_at"])
        entries.append(entry)
    return entries
