-- Samples that were settled as not stored. A late call to store one of them is refused.
CREATE TABLE settlement (
    sample_id uuid PRIMARY KEY,
    fencing_token bigint NOT NULL, -- of the newest lease that settled the sample
    settled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settlement_settled_at ON settlement (settled_at);
