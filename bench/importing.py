"""Importing: the import of many samples through the API, against a bare COPY of the same rows.

A COPY is what PostgreSQL takes at most: of samples that the platform has stored, with their audit and outbox rows, into
tables with the same indexes, in one transaction.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import httpx

from backend_svc import event_store
from bench.figures import Figure
from bench.measuring import Meter

PATH = "/api/samples:import"
ABSENT = "POST /api/samples:import is not there yet"

MAKE_TABLES = """
DROP SCHEMA IF EXISTS bench_copy CASCADE;
CREATE SCHEMA bench_copy;
CREATE TABLE bench_copy.sample (LIKE backend_svc.sample INCLUDING ALL);
CREATE TABLE bench_copy.audit (LIKE backend_svc.audit INCLUDING ALL);
CREATE TABLE bench_copy.outbox (LIKE backend_svc.outbox INCLUDING ALL);
CREATE TABLE bench_copy.chosen AS SELECT id FROM backend_svc.sample ORDER BY id LIMIT {count};
"""
DROP_TABLES = "DROP SCHEMA bench_copy CASCADE"
SAMPLES = "SELECT * FROM backend_svc.sample WHERE id IN (SELECT id FROM bench_copy.chosen)"
AUDITS = """
SELECT sample_id, action, actor, correlation_id, time FROM backend_svc.audit
WHERE action = 'store' AND sample_id IN (SELECT id FROM bench_copy.chosen)
"""
AUDIT_COLUMNS = ["sample_id", "action", "actor", "correlation_id", "time"]
# What a store puts into the outbox; published events are deleted from it, and kept in the event store.
EVENTS = "SELECT * FROM backend_svc.event WHERE sequence <= 3 AND subject IN (SELECT id FROM bench_copy.chosen)"
EMPTY = "TRUNCATE bench_copy.sample, bench_copy.audit, bench_copy.outbox"


@dataclass(frozen=True)
class Rows:
    """Rows in PostgreSQL's binary format, by table, ready to be sent."""

    samples: bytes
    audits: bytes
    outbox: Sequence[tuple[object, str, bytes]]


async def measure_copy(connection: asyncpg.Connection, count: int, repetitions: int) -> list[Figure]:
    """Measure how many samples a second COPY takes; `connection` is a superuser's to the platform's database."""
    await connection.execute(MAKE_TABLES.format(count=count))
    try:
        samples, audits = io.BytesIO(), io.BytesIO()
        await connection.copy_from_query(SAMPLES, output=samples, format="binary")
        await connection.copy_from_query(AUDITS, output=audits, format="binary")
        outbox = [
            (row["id"], row["type"], event_store.to_event(row).SerializeToString())
            for row in await connection.fetch(EVENTS)
        ]
        rows = Rows(samples.getvalue(), audits.getvalue(), outbox)
        return [await _copy(connection, rows, repetition) for repetition in range(1, repetitions + 1)]
    finally:
        await connection.execute(DROP_TABLES)


async def measure_import(meter: Meter, bodies: Sequence[str]) -> Figure | str:
    """Measure how many samples a second the API imports; where it cannot, return the reason."""
    async with httpx.AsyncClient(base_url=meter.variant.url, trust_env=False) as http:
        answer = await http.post(PATH, headers={"Authorization": f"Bearer {meter.token}"})
    if answer.status_code == 404:
        return ABSENT
    # The import is to be called here, its samples counted by `meter.costed`, and a Figure of "import" returned.
    return f"{PATH} answers {answer.status_code}, and nothing here sends it {len(bodies)} samples yet"


async def _copy(connection: asyncpg.Connection, rows: Rows, repetition: int) -> Figure:
    await connection.execute(EMPTY)
    await connection.execute("CHECKPOINT")
    began = time.perf_counter()
    async with connection.transaction():
        await connection.copy_to_table(
            "sample", schema_name="bench_copy", source=io.BytesIO(rows.samples), format="binary"
        )
        await connection.copy_to_table(
            "audit",
            schema_name="bench_copy",
            columns=AUDIT_COLUMNS,
            source=io.BytesIO(rows.audits),
            format="binary",
        )
        await connection.copy_records_to_table(
            "outbox", schema_name="bench_copy", columns=["id", "type", "event"], records=rows.outbox
        )
    seconds = time.perf_counter() - began
    count = await connection.fetchval("SELECT count(*) FROM bench_copy.sample") or 0
    return Figure(repetition, "platform", "copy", 1, count / seconds, answered=count)
