-- A consent may be limited to one study, state conditions of reuse, and expire. A later consent may replace it.
ALTER TABLE consent
    ADD COLUMN study_id uuid, -- NULL: any study of the account
    ADD COLUMN data_use jsonb NOT NULL DEFAULT '[]', -- DataUseTerm messages, by id
    ADD COLUMN text_version text NOT NULL DEFAULT '',
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN replaced_by uuid,
    ADD COLUMN series uuid; -- id of the first consent; those that replaced one another are withdrawn together
UPDATE consent SET series = id;
ALTER TABLE consent ALTER COLUMN series SET NOT NULL;

DROP INDEX consent_in_force;
CREATE UNIQUE INDEX consent_current ON consent (account_id, purpose, subject_hash, study_id) NULLS NOT DISTINCT
    WHERE withdrawn_at IS NULL AND replaced_by IS NULL;
CREATE INDEX consent_series ON consent (series);
CREATE INDEX consent_subject_hash ON consent (subject_hash, id) WHERE subject_hash IS NOT NULL;

-- The consents that a sample depends on. Rows that are older than this column name none, so no terms of reuse are known
-- for their samples.
ALTER TABLE preparation
    ADD COLUMN study_id uuid,
    ADD COLUMN consents uuid[] NOT NULL DEFAULT '{}';
