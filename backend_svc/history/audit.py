"""The audit log: who did what to which sample. Rows are written in the transaction of the action, and never changed."""

from collections.abc import Mapping
from uuid import UUID

import asyncpg
from google.protobuf.json_format import MessageToJson, Parse

from backend_svc.history import declarations
from backend_svc.history.errors import TooManyDeclaredUses
from chassis import call_context
from chassis.storage import paging
from chassis.storage.database import Connection, Database
from fairdb.backend.v1.backend_service_pb2 import ListAuditEntriesRequest, ListAuditEntriesResponse
from fairdb.samples.v1.sample_service_pb2 import AuditEntry, DeclaredUse

INTO = "INSERT INTO audit (sample_id, action, actor, correlation_id, declared)"
WRITE = f"""
{INTO}
SELECT sample_id, $2, $3, correlation_id, NULL FROM unnest($1::uuid[], $4::text[]) AS new (sample_id, correlation_id)
"""
# The join drops samples that do not exist.
WRITE_READINGS = f"""
{INTO}
SELECT id, $5, $3, $4, new.declared
FROM unnest($1::uuid[], $2::jsonb[]) AS new (id, declared) JOIN sample USING (id)
"""
LIST = "SELECT * FROM audit WHERE sample_id = $1 AND id > $2 ORDER BY id LIMIT $3"


async def write(connection: Connection, action: str, actor: str, caused_by: Mapping[UUID, str]) -> None:
    """Write a row for each sample, in the caller's transaction. `caused_by` maps sample ids to correlation ids."""
    await connection.execute(WRITE, [*caused_by], action, actor, [*caused_by.values()])


async def write_readings(database: Database, reader: str, readings: Mapping[str, DeclaredUse], action: str) -> None:
    """Write a row for each sample that an account reads or matches under a declared use, the same for all.

    `readings` maps sample ids to uses. Raises TooManyDeclaredUses, after it has written rows of the action "refuse".
    """
    if not readings:
        return
    use = next(iter(readings.values())).use
    async with database.transaction() as connection:
        admitted = await declarations.is_admitted(connection, UUID(reader), use)
        await connection.execute(
            WRITE_READINGS,
            [UUID(id) for id in readings],
            [MessageToJson(declared, indent=None) for declared in readings.values()],
            reader,
            call_context.current().correlation_id,
            action if admitted else "refuse",
        )
    if not admitted:
        raise TooManyDeclaredUses


async def list_entries(database: Database, request: ListAuditEntriesRequest) -> ListAuditEntriesResponse:
    """Return a page of a sample's rows, oldest first. Raises PageTokenInvalid."""
    query = f"audit {request.sample_id}"
    after, size = paging.read_token(request.page_token, query), request.page_size
    rows = await database.fetch(LIST, UUID(request.sample_id), after.int if after else 0, size + 1)
    answer = ListAuditEntriesResponse(entries=[_to_entry(row) for row in rows[:size]])
    if len(rows) > size:
        answer.next_page_token = paging.write_token(UUID(int=rows[size - 1]["id"]), query)
    return answer


def _to_entry(row: asyncpg.Record) -> AuditEntry:
    entry = AuditEntry(action=row["action"], actor=row["actor"], correlation_id=row["correlation_id"])
    entry.time.FromDatetime(row["time"])
    if row["declared"] is not None:
        # A newer release may have written fields that this release does not know.
        Parse(row["declared"], entry.declared, ignore_unknown_fields=True)
    return entry
