-- For the action 'read': a fairdb.samples.v1.DeclaredUse, that is the declared use and its outcome.
ALTER TABLE audit ADD COLUMN declared jsonb;
