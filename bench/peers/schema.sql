-- The peers' database: the platform's tables as one program needs them, with the same columns and indexes.
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    purpose text NOT NULL,
    subject_hash bytea, -- HMAC of the donor; NULL for the account's own consent
    study uuid, -- NULL: any study of the account
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX consent_current ON consent (account, purpose, subject_hash, study) NULLS NOT DISTINCT
    WHERE withdrawn_at IS NULL;

CREATE TABLE study (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL,
    is_default boolean NOT NULL
);
CREATE UNIQUE INDEX study_default ON study (owner) WHERE is_default;
CREATE TABLE member (
    study uuid NOT NULL REFERENCES study,
    account uuid NOT NULL,
    role smallint NOT NULL, -- fairdb.privacy.v1.StudyRole
    PRIMARY KEY (study, account)
);
CREATE INDEX member_account ON member (account);

CREATE TABLE sample (
    id uuid PRIMARY KEY, -- UUIDv7
    owner uuid NOT NULL,
    study uuid NOT NULL,
    subject text NOT NULL,
    organism text NOT NULL,
    taxon_id int NOT NULL,
    collection_date text NOT NULL,
    metadata jsonb NOT NULL,
    classes jsonb NOT NULL,
    consents uuid[] NOT NULL,
    state smallint NOT NULL,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sample_owner ON sample (owner, id);
CREATE INDEX sample_study ON sample (study, id);
CREATE INDEX sample_state ON sample (state, id);
CREATE INDEX sample_created_at ON sample (created_at, id);
CREATE INDEX sample_consents ON sample USING gin (consents);
-- Replaces the platform's search index, which has a row for each field of a sample.
CREATE INDEX sample_metadata ON sample USING gin (metadata jsonb_path_ops);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sample uuid NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    correlation_id text NOT NULL,
    time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_sample ON audit (sample, id);

CREATE TABLE idempotency (
    account uuid NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    sample uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, key_hash)
);

CREATE TABLE subscription (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    organism_key text,
    study uuid
);
CREATE INDEX subscription_organism_key ON subscription (organism_key) WHERE organism_key IS NOT NULL;
CREATE INDEX subscription_study ON subscription (study) WHERE study IS NOT NULL;
CREATE TABLE notification (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    sample uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account, sample)
);

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    event text NOT NULL, -- JSON
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_created_at ON outbox (created_at, id);
