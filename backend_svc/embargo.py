"""Embargo: only those who oversee a sample see it until its owner has stored nothing for a while.

Otherwise somebody who lists samples again and again would see in which order they were sent. All samples of an owner
that are under embargo become visible at once. docs/decisions/order.md gives the reasons.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from chassis.storage.database import Database
from chassis.storage.sweep import Sweep

# Whether a row of `sample` is under embargo.
EMBARGOED = (
    "EXISTS (SELECT FROM embargo WHERE embargo.owner = sample.owner AND id = sample.embargo AND ends_at > now())"
)
# $1: owners; $2: the step. An embargo ends on a multiple of the step, one to two steps after the owner's last sample,
# and at the latest a day after its first possible end. A sample whose embargo has no row is visible.
# An embargo that is about to end accepts no more samples: they could be stored after its end, and appear one by one.
# Most calls find an embargo that lasts long enough, and write nothing.
JOIN = """
WITH wanted AS MATERIALIZED (
    SELECT owner, date_bin($2, now(), timestamptz 'epoch') + 2 * $2 AS ends_at FROM unnest($1::uuid[]) AS owner
), lasting AS MATERIALIZED (
    SELECT embargo.owner, id FROM wanted JOIN embargo USING (owner)
    WHERE embargo.ends_at > now() + least($2 / 5, interval '1 minute')
      AND embargo.ends_at >= least(wanted.ends_at, latest_end)
), written AS (
    INSERT INTO embargo (owner, id, ends_at, latest_end)
    SELECT owner, gen_random_uuid(), ends_at, ends_at + interval '1 day' FROM wanted
    WHERE owner NOT IN (SELECT owner FROM lasting) ORDER BY owner
    ON CONFLICT (owner) DO UPDATE SET (id, ends_at, latest_end) = (
        SELECT CASE WHEN lasts THEN embargo.id ELSE excluded.id END,
               CASE WHEN lasts THEN greatest(embargo.ends_at, least(excluded.ends_at, embargo.latest_end))
                    ELSE excluded.ends_at END,
               CASE WHEN lasts THEN embargo.latest_end ELSE excluded.latest_end END
        FROM (SELECT embargo.ends_at > now() + least($2 / 5, interval '1 minute')) AS found (lasts)
    )
    RETURNING owner, id
)
SELECT * FROM lasting UNION ALL SELECT * FROM written
"""
SWEEP_ENDED = Sweep("embargo", "ends_at < now() - interval '1 day'")


async def join(database: Database, owners: Iterable[UUID], step: timedelta) -> Mapping[UUID, UUID]:
    """Return the embargo that new samples of each owner join, and prolong it. Return nothing if the step is zero."""
    if not step:
        return {}
    found = await database.fetch(JOIN, sorted(set(owners)), step)
    return {row["owner"]: row["id"] for row in found}
