"""Counts the donors of each equivalence class, in the transactions that store and quarantine samples.

A donor's counts change only under the lock of that donor, so that concurrent transactions see one another's samples.
Take it first, in a separate statement: see backend_svc/locks.py. The counts of a class are changed last, in the order
of their ids: the transactions of one study wait for one another only until the commit, and never in a circle.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from backend_svc import locks
from chassis.storage.database import Connection
from fairdatabase.policy.access.equivalence import SUBJECT, class_id, quasi_identifiers

_METADATA = "metadata."
DONOR = "coalesce(counted_as, subject)"
"""The donor as whom a row of `sample` counts."""
COLUMNS = {"organism": "organism", "taxonId": "taxon_id", "collectionDate": "collection_date"}
"""Column of each data field outside the metadata, except the subject. The message has the same names."""
# Whether the counts of a sample's study are exact. While a withdrawal is being settled, they may be too high.
_EXACT = "NOT EXISTS (SELECT FROM barrier WHERE NOT settled AND (studies IS NULL OR sample.study = ANY (studies)))"
# The donors of a sample's class, and those that are linked; NULL while the counts are not exact.
SIZE = f"(SELECT ARRAY[donors, linked] FROM equivalence_class WHERE id = sample.class_id AND {_EXACT})"
# Whether the class of a sample is large enough for readers who need `k` donors, for the field `found.field`.
ADMITS = f"""
EXISTS (
    SELECT FROM equivalence_class
    WHERE id = sample.class_id AND k <= donors AND NOT (found.field = '{SUBJECT}' AND linked > 0) AND {_EXACT}
)
"""

# The rest of a WITH list whose `change` (study, subject, class_id, delta) says by how much each donor's samples in a
# class change. `delta` may be negative. At the end, `counted` changes the classes.
CHANGES = """
known AS MATERIALIZED (
    SELECT study, subject, class_id, samples
    FROM class_donor JOIN (SELECT DISTINCT study, subject FROM change) AS donor USING (study, subject)
), changed AS MATERIALIZED (
    SELECT study, subject, class_id, coalesce(samples, 0) AS before, coalesce(samples, 0) + coalesce(delta, 0) AS after
    FROM known FULL JOIN change USING (study, subject, class_id)
), written AS (
    INSERT INTO class_donor (study, subject, class_id, samples)
    SELECT study, subject, class_id, after FROM changed WHERE after > 0 AND after <> before
    ON CONFLICT (study, subject, class_id) DO UPDATE SET samples = excluded.samples
), gone AS (
    DELETE FROM class_donor USING changed
    WHERE class_donor.study = changed.study AND class_donor.subject = changed.subject
      AND class_donor.class_id = changed.class_id AND after <= 0
), donor AS (
    SELECT class_id, before > 0 AS was, after > 0 AS is_now,
           before > 0 AND count(*) FILTER (WHERE before > 0) OVER of_donor > 1 AS was_linked,
           after > 0 AND count(*) FILTER (WHERE after > 0) OVER of_donor > 1 AS is_linked
    FROM changed WINDOW of_donor AS (PARTITION BY study, subject)
), total AS (
    SELECT class_id, sum(is_now::int - was::int) AS donors, sum(is_linked::int - was_linked::int) AS linked
    FROM donor GROUP BY class_id
), counted AS (
    INSERT INTO equivalence_class (id, donors, linked)
    SELECT class_id, donors, linked FROM total WHERE donors <> 0 OR linked <> 0 ORDER BY class_id
    ON CONFLICT (id) DO UPDATE
    SET donors = equivalence_class.donors + excluded.donors, linked = equivalence_class.linked + excluded.linked
)
"""
COUNT = f"""
WITH change AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[]) AS change (study, subject, class_id, delta)
), {CHANGES}
SELECT
"""
REMOVE_EMPTY = "DELETE FROM equivalence_class WHERE id = ANY ($1::uuid[]) AND donors = 0"


class Counted(NamedTuple):
    """A sample of a donor, and the class in which it counts."""

    study: UUID
    subject: str
    """The donor as whom it counts: see DONOR."""
    class_id: UUID


def class_of(study: UUID, sample: Mapping[str, Any], metadata: Mapping[str, Any], classes: Mapping[str, int]) -> UUID:
    """Return a sample's equivalence class. `sample`: its other fields, by their names in the API."""
    values = {
        name: metadata.get(name.removeprefix(_METADATA)) if name.startswith(_METADATA) else sample[name]
        for name in quasi_identifiers(classes)
    }
    return class_id(study, values)


async def recount(connection: Connection, *, added: Iterable[Counted] = (), removed: Iterable[Counted] = ()) -> None:
    """Count some samples, and others no longer, inside the caller's transaction. Samples without a donor are skipped.

    Call it once in a transaction, after all locks on rows of samples.
    """
    deltas = Counter(sample for sample in added if sample.subject)
    deltas.subtract(sample for sample in removed if sample.subject)
    if not deltas:
        return
    await locks.take(connection, exclusive=[locks.donor_key(item.study, item.subject) for item in deltas])
    await connection.execute(COUNT, *zip(*deltas, strict=True), [*deltas.values()])
    if emptied := [item.class_id for item, delta in deltas.items() if delta < 0]:
        await connection.execute(REMOVE_EMPTY, emptied)
