-- Who drives sagas: each gateway process renews its lease, and others take over what belongs to one that has not.
CREATE SEQUENCE fencing_token AS bigint;
CREATE TABLE lease (
    owner uuid PRIMARY KEY,
    address text NOT NULL, -- where the process listens, for operators
    fencing_token bigint NOT NULL, -- of the sagas that the owner begins; those it takes over get newer ones
    until timestamptz NOT NULL
);

-- One row a saga. Of what it works on it holds nothing: the body of a request is in no journal.
CREATE TABLE saga (
    id uuid PRIMARY KEY, -- UUIDv7, also of what it creates
    definition text NOT NULL,
    version int NOT NULL,
    owner uuid NOT NULL,
    fencing_token bigint NOT NULL, -- whoever writes must hold it
    state smallint NOT NULL, -- fairdb.system.v1.Saga.State, never PARKED
    parked boolean NOT NULL DEFAULT false,
    failed_step text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '', -- why it is undone
    waiting text NOT NULL DEFAULT '', -- what keeps it from going on
    refusals int NOT NULL DEFAULT 0, -- or, past the pivot, looks that found it not done
    steps jsonb NOT NULL DEFAULT '{}', -- step name to {outcome, reason, time}
    actor text NOT NULL,
    correlation_id text NOT NULL,
    traceparent text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    entered_at timestamptz NOT NULL DEFAULT now(), -- the state, or the last retry
    updated_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL -- when its owner looks at it next; before that a call is driving it
);
-- States up to 3 are those of sagas that have not ended.
CREATE INDEX saga_open ON saga (owner, due_at) WHERE state <= 3;
CREATE INDEX saga_parked ON saga (id) WHERE parked;
