-- Fields are written under the lock of their sample, and no sample is ever deleted: to look each of forty rows' sample up
-- once more is a large part of what indexing costs.
ALTER TABLE sample_field DROP CONSTRAINT sample_field_sample_id_fkey;
