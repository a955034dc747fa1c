CREATE TABLE sample (
    id uuid PRIMARY KEY, -- UUIDv7, so sorting by id sorts by time of creation
    owner uuid NOT NULL,
    study uuid NOT NULL,
    subject text NOT NULL, -- pseudonym, '' when the sample names no donor
    organism text NOT NULL,
    taxon_id int NOT NULL,
    collection_date text NOT NULL,
    metadata jsonb NOT NULL, -- field name to scalar
    classes jsonb NOT NULL, -- API field name to fairdb.privacy.v1.FieldClass, for fields that are not public
    consents uuid[] NOT NULL, -- the consents that the sample depends on
    state smallint NOT NULL, -- fairdb.samples.v1.Sample.State
    version int NOT NULL DEFAULT 1,
    last_sequence int NOT NULL, -- sequence number of the sample's newest event
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sample_owner ON sample (owner, id);
CREATE INDEX sample_study ON sample (study, id);
CREATE INDEX sample_state ON sample (state, id);
CREATE INDEX sample_created_at ON sample (created_at, id);
CREATE INDEX sample_consents ON sample USING gin (consents);

-- The search index: one row for each stored field. Rows are added after the sample is stored, and removed when it is
-- quarantined.
CREATE TABLE sample_field (
    sample_id uuid NOT NULL REFERENCES sample ON DELETE CASCADE,
    field text COLLATE "C" NOT NULL, -- name in the API: "organism", "metadata.age"
    class smallint NOT NULL,
    text_value text COLLATE "C",
    number_value double precision,
    PRIMARY KEY (sample_id, field)
);
CREATE INDEX sample_field_text ON sample_field (field, text_value, sample_id) WHERE text_value IS NOT NULL;
CREATE INDEX sample_field_number ON sample_field (field, number_value, sample_id) WHERE number_value IS NOT NULL;

-- The events of each sample. Unlike the rows of the outbox, these are never deleted.
CREATE TABLE event (
    subject uuid NOT NULL,
    sequence int NOT NULL,
    id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    time timestamptz NOT NULL,
    actor text NOT NULL,
    correlation_id text NOT NULL,
    traceparent text NOT NULL,
    PRIMARY KEY (subject, sequence)
);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sample_id uuid NOT NULL,
    action text NOT NULL,
    actor text NOT NULL,
    correlation_id text NOT NULL,
    time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_sample_id ON audit (sample_id, id);

-- The sample that each Idempotency-Key created. Keys are stored as keyed hashes and are valid for 24 hours.
CREATE TABLE idempotency (
    account uuid NOT NULL,
    method text NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    sample_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, method, key_hash)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

-- Withdrawn consents. A sample that depends on one can no longer be stored.
CREATE TABLE barrier (
    consent uuid PRIMARY KEY,
    actor text NOT NULL, -- who withdrew the consent
    raised_at timestamptz NOT NULL DEFAULT now(),
    settled boolean NOT NULL DEFAULT false -- whether every sample that depends on it is quarantined
);
CREATE INDEX barrier_unsettled ON barrier (raised_at) WHERE NOT settled;
