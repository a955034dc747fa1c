"""Counts samples in their equivalence classes that were not counted when they were stored.

These are the samples whose embargo has ended: if they counted earlier, readers would see in other samples when a donor
was added. An older release, which may run beside this one during an update, also stores and quarantines samples without
counting them.
"""

import asyncio
import json
import time

import structlog

from backend_svc.embargo import EMBARGOED
from backend_svc.samples import counting
from backend_svc.samples.counting import Counted
from chassis.errors import ServiceUnavailable
from chassis.storage.database import Database
from fairdb.samples.v1.sample_pb2 import Sample

log = structlog.get_logger()

BATCH = 1000
_LOOK_SECONDS = 1.0
_REST = 30
"""The pause after a look, in multiples of its duration."""

# The first condition is that of the index. Only ids are sorted: there may be 100,000 of an import, with large metadata.
UNCOUNTED = f"""
WITH uncounted AS MATERIALIZED (
    SELECT id FROM sample WHERE (class_id IS NULL) = (state <> {Sample.STATE_QUARANTINED}) AND NOT {EMBARGOED}
    ORDER BY id LIMIT $1
)
SELECT id, study, {counting.DONOR} AS donor, organism, taxon_id, collection_date, metadata, classes, class_id, state
FROM sample JOIN uncounted USING (id) WHERE (class_id IS NULL) = (state <> {Sample.STATE_QUARANTINED})
ORDER BY id FOR NO KEY UPDATE OF sample SKIP LOCKED
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
            study, donor = row["study"], row["donor"]
            if row["class_id"] is not None:
                removed.append(Counted(study, donor, row["class_id"]))
                classes[row["id"]] = None
                continue
            named = {name: row[column] for name, column in counting.COLUMNS.items()}
            found = counting.class_of(study, named, json.loads(row["metadata"]), json.loads(row["classes"]))
            classes[row["id"]] = found
            added.append(Counted(study, donor, found))
        await connection.execute(SET_CLASSES, [*classes], [*classes.values()])
        await counting.recount(connection, added=added, removed=removed)
    return len(rows)


async def keep_counting(database: Database) -> None:
    """Count all samples that are not counted yet, and go on looking for more. Runs until cancelled."""
    await database.migrated()
    while True:
        begun = time.monotonic()
        try:
            while await count_batch(database) == BATCH:
                begun = time.monotonic()
        except ServiceUnavailable as error:
            log.info("counting_waits", error=type(error).__name__)
        # A look passes all samples under embargo, which may be many.
        await asyncio.sleep(max(_LOOK_SECONDS, _REST * (time.monotonic() - begun)))
