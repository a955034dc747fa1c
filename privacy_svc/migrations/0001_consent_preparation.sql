-- Rows are never deleted: a withdrawn consent keeps its row, and granting it again adds a row.
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL, -- who recorded the consent
    purpose text NOT NULL,
    subject_hash bytea, -- HMAC of the donor under the consent key; NULL for the account's own consent
    granted_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz,
    withdrawn_by uuid,
    quarantined_at timestamptz -- when backend_svc had quarantined the samples that depend on it
);
CREATE UNIQUE INDEX consent_in_force ON consent (account_id, purpose, subject_hash) NULLS NOT DISTINCT
    WHERE withdrawn_at IS NULL;
CREATE INDEX consent_to_quarantine ON consent (withdrawn_at) WHERE withdrawn_at IS NOT NULL AND quarantined_at IS NULL;
CREATE INDEX consent_account_id ON consent (account_id, id);

CREATE TABLE study (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL,
    is_default boolean NOT NULL
);
CREATE UNIQUE INDEX study_default ON study (owner) WHERE is_default;

-- How each sample was anonymised: names of rules and counts, never a value. The row of a discarded
-- preparation stays as a tombstone: because of it, a late call to prepare the same sample is refused.
CREATE TABLE preparation (
    sample_id uuid PRIMARY KEY,
    account_id uuid,
    policy_version text,
    actions jsonb,
    dropped_field_count int,
    prepared_at timestamptz NOT NULL DEFAULT now(),
    discarded boolean NOT NULL DEFAULT false
);
