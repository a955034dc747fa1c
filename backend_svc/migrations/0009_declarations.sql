-- The different uses that each account declared. A use is stored as a hash.
CREATE TABLE declaration (
    account uuid NOT NULL,
    use_hash bytea NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, use_hash)
);
CREATE INDEX declaration_declared_at ON declaration (declared_at);
