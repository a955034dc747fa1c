-- Fencing token of the lease that last prepared or discarded the sample. Calls with an older token are refused.
ALTER TABLE preparation ADD COLUMN fencing_token bigint NOT NULL DEFAULT 0;
CREATE INDEX preparation_tombstone ON preparation (prepared_at) WHERE discarded;
