CREATE TABLE subscription (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    organism text, -- as the account wrote it; exactly one of organism and study is set
    organism_key text, -- lower case
    study uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (account, organism_key, study)
);
CREATE INDEX subscription_organism_key ON subscription (organism_key) WHERE organism_key IS NOT NULL;
CREATE INDEX subscription_study ON subscription (study) WHERE study IS NOT NULL;

-- At most one row for each account and sample, even if several subscriptions of the account match.
CREATE TABLE notification (
    id uuid PRIMARY KEY, -- UUIDv7
    account uuid NOT NULL,
    sample_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account, sample_id)
);
CREATE INDEX notification_account ON notification (account, id);
