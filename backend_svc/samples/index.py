"""The search index: one row for each field of a sample that a filter can compare."""

from collections.abc import Sequence
from uuid import UUID

from chassis.storage.database import Connection
from fairdatabase.filters.language import LONGEST_TEXT
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC

# A sample is indexed once, so no row exists yet. Filters ignore the case of ASCII letters; of others, lower() would
# depend on the locale of the database.
#
# A collection date is a field of the sample, or metadata if the sheet had another title for it. It is indexed under
# both names, with the class of the one that is stored, unless the sample has both.
_IN_METADATA = "metadata.collection_date"
ADD = f"""
INSERT INTO sample_field (sample_id, field, class, text_value, number_value)
SELECT id, found.field, coalesce((classes ->> coalesce(found.stored_as, found.field))::smallint, {FIELD_CLASS_PUBLIC}),
       left(lower(found.text COLLATE "C"), {LONGEST_TEXT + 1}), found.number
FROM sample CROSS JOIN LATERAL (
    VALUES ('organism', organism, NULL::float8, NULL), ('subject', nullif(subject, ''), NULL, NULL),
           ('collectionDate', nullif(collection_date, ''), NULL, NULL), ('taxonId', NULL, nullif(taxon_id, 0), NULL),
           ('collectionDate', CASE WHEN collection_date = '' THEN metadata ->> 'collection_date' END, NULL,
            '{_IN_METADATA}'),
           ('{_IN_METADATA}', CASE WHEN NOT metadata ? 'collection_date' THEN nullif(collection_date, '') END, NULL,
            'collectionDate')
    UNION ALL
    SELECT 'metadata.' || key,
           CASE WHEN jsonb_typeof(value) IN ('string', 'boolean') THEN value #>> '{{}}' END,
           CASE WHEN jsonb_typeof(value) = 'number' THEN (value #>> '{{}}')::float8 END,
           NULL
    FROM jsonb_each(metadata)
) AS found (field, text, number, stored_as)
WHERE id = ANY ($1::uuid[]) AND num_nonnulls(found.text, found.number) = 1
"""
REMOVE = "DELETE FROM sample_field WHERE sample_id = ANY($1::uuid[])"


async def add(connection: Connection, sample_ids: Sequence[UUID]) -> None:
    """Index samples, inside the caller's transaction."""
    await connection.execute(ADD, sample_ids)


async def remove(connection: Connection, sample_ids: Sequence[UUID]) -> None:
    """Remove samples from the index, inside the caller's transaction."""
    await connection.execute(REMOVE, sample_ids)
