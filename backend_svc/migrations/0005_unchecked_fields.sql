-- The foreign key is not needed: a sample is locked while its fields are written, and samples are never deleted.
-- Checking the key for each of about forty fields would be a large part of the cost of indexing.
ALTER TABLE sample_field DROP CONSTRAINT sample_field_sample_id_fkey;
