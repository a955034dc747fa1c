-- Samples of which it was settled that they were not stored: a store that comes later is refused.
CREATE TABLE settlement (
    sample_id uuid PRIMARY KEY,
    fencing_token bigint NOT NULL, -- of the newest lease that asked
    settled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settlement_settled_at ON settlement (settled_at);
