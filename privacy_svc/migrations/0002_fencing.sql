-- The lease under which a preparation was last dealt with: an older one is refused.
ALTER TABLE preparation ADD COLUMN fencing_token bigint NOT NULL DEFAULT 0;
CREATE INDEX preparation_tombstone ON preparation (prepared_at) WHERE discarded;
