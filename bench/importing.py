"""Importing: compares the import of many samples through the API with a bare COPY of the same rows.

A COPY is the fastest way to write rows to PostgreSQL. The COPY measured here writes samples that the platform has
stored, with their audit and outbox rows, into tables with the same indexes, in one transaction.
"""

import io
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from uuid import uuid4

import asyncpg
import httpx

from backend_svc.history import event_store
from bench.figures import Figure
from bench.load import LoadFailed
from bench.measuring import Meter

PATH = "/api/samples:import"
_AT_ONCE = 50
"""The number of rows sent at a time."""

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
# The events that a store writes to the outbox. Published events are deleted there, so read the event store.
EVENTS = "SELECT * FROM backend_svc.event WHERE sequence <= 3 AND subject IN (SELECT id FROM bench_copy.chosen)"
EMPTY = "TRUNCATE bench_copy.sample, bench_copy.audit, bench_copy.outbox"


@dataclass(frozen=True)
class Rows:
    """Rows in PostgreSQL's binary format, by table, ready to be sent."""

    samples: bytes
    audits: bytes
    outbox: Sequence[tuple[object, str, bytes]]


async def measure_copy(connection: asyncpg.Connection, count: int, repetitions: int) -> list[Figure]:
    """Measure how many samples per second COPY writes. `connection` is a superuser's to the platform's database."""
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


async def measure_import(meter: Meter, bodies: Sequence[str], count: int) -> Figure:
    """Import `count` samples in one call, and measure how many the API imports per second. Raises LoadFailed."""
    result, cost = await meter.costed(lambda: _import(meter, bodies, count), creates=True)
    rate = result.answered / result.seconds
    return Figure(meter.repetition, meter.variant.name, "import", 1, rate, answered=result.answered, **asdict(cost))


@dataclass(frozen=True)
class Run:
    """How many rows were stored, and the time until the last answer."""

    answered: int
    seconds: float


async def _import(meter: Meter, bodies: Sequence[str], count: int) -> Run:
    # Give each row its own key: bodies repeat, and equal rows would otherwise be recognised as repeats.
    run = uuid4()

    async def rows() -> AsyncIterator[bytes]:
        for start in range(0, count, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, count))
            lines = (f'{{"requestId": "{run} {number}", {bodies[number % len(bodies)][1:]}\n' for number in numbers)
            yield "".join(lines).encode()

    headers = {"Authorization": f"Bearer {await meter.variant.token()}", "Content-Type": "application/x-ndjson"}
    began, last = time.perf_counter(), "{}"
    async with (
        httpx.AsyncClient(base_url=meter.variant.url, trust_env=False, timeout=None) as http,  # noqa: S113 - an import lasts for minutes
        http.stream("POST", PATH, headers=headers, content=rows()) as answer,
    ):
        async for line in answer.aiter_lines():
            last = line
    seconds = time.perf_counter() - began
    summary = json.loads(last).get("summary", {})
    if summary.get("stored") != count or summary.get("repeated"):
        raise LoadFailed(f"{PATH} answered {answer.status_code}, and stored {summary} instead of {count}")
    return Run(count, seconds)


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
