-- Of a reading: fairdb.samples.v1.DeclaredUse, what its reader declared and what was made of it.
ALTER TABLE audit ADD COLUMN declared jsonb;
