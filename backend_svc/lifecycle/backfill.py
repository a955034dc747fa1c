"""Counts samples that an older release stored, or quarantined, without counting them.

An older release may run beside this one during an update. Its samples are found by an index that is empty otherwise.
"""

import asyncio
import json

import structlog

from backend_svc.samples import counting
from backend_svc.samples.counting import Counted
from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database
from fairdb.samples.v1.sample_pb2 import Sample

log = structlog.get_logger()

BATCH = 200
_LOOK_SECONDS = 1.0

# The first line is the condition of the index.
UNCOUNTED = f"""
SELECT id, study, subject, organism, taxon_id, collection_date, metadata, classes, class_id, state
FROM sample WHERE (class_id IS NULL) = (state <> {Sample.STATE_QUARANTINED})
ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""
SET_CLASSES = """
UPDATE sample SET class_id = new.class_id FROM unnest($1::uuid[], $2::uuid[]) AS new (id, class_id)
WHERE sample.id = new.id
"""


async def count_batch(database: Database) -> int:
    """Count the next samples, or count them no longer, and return how many. Below BATCH, none are left."""
    added: list[Counted] = []
    removed: list[Counted] = []
    classes = {}
    async with database.transaction() as connection:
        rows = await connection.fetch(UNCOUNTED, BATCH)
        for row in rows:
            study, subject = row["study"], row["subject"]
            if row["class_id"] is not None:
                removed.append(Counted(study, subject, row["class_id"]))
                classes[row["id"]] = None
                continue
            named = {name: row[column] for name, column in counting.COLUMNS.items()}
            found = counting.class_of(study, named, json.loads(row["metadata"]), json.loads(row["classes"]))
            classes[row["id"]] = found
            added.append(Counted(study, subject, found))
        await connection.execute(SET_CLASSES, [*classes], [*classes.values()])
        await counting.recount(connection, added=added, removed=removed)
    return len(rows)


async def keep_counting(database: Database) -> None:
    """Count all samples that are not counted yet, and go on looking for more. Runs until cancelled."""
    await database.migrated()
    while True:
        try:
            while await count_batch(database) == BATCH:
                pass
        except ServiceUnavailable as error:
            log.info("counting_waits", error=type(error).__name__)
        await asyncio.sleep(_LOOK_SECONDS)
