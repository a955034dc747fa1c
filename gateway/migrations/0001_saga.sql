-- Each gateway process renews its lease. When a lease expires, other processes take over the sagas of its owner.
CREATE SEQUENCE fencing_token AS bigint;
CREATE TABLE lease (
    owner uuid PRIMARY KEY,
    address text NOT NULL, -- the address the process listens on, for operators
    fencing_token bigint NOT NULL, -- for sagas that the owner begins; a saga that it takes over gets a newer token
    until timestamptz NOT NULL
);

-- One row per saga. It contains no data of the request: raw data must not be journalled.
CREATE TABLE saga (
    id uuid PRIMARY KEY, -- UUIDv7, also the id of the resource that the saga creates
    definition text NOT NULL,
    version int NOT NULL,
    owner uuid NOT NULL,
    fencing_token bigint NOT NULL, -- grows with each takeover; a write with an older token changes nothing
    state smallint NOT NULL, -- fairdb.system.v1.Saga.State, except PARKED, which is the next column
    parked boolean NOT NULL DEFAULT false,
    failed_step text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '', -- why the saga is being undone
    waiting text NOT NULL DEFAULT '', -- why the saga cannot continue now
    refusals int NOT NULL DEFAULT 0, -- consecutive, of one step; past the pivot: checks that found the tail unfinished
    steps jsonb NOT NULL DEFAULT '{}', -- step name to {outcome, reason, time}
    actor text NOT NULL,
    correlation_id text NOT NULL,
    traceparent text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    entered_at timestamptz NOT NULL DEFAULT now(), -- when it entered the state, or was last retried
    updated_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL -- when the owner resumes the saga, unless a request still drives it
);
-- In states 1 to 3, a saga has not ended.
CREATE INDEX saga_open ON saga (owner, due_at) WHERE state <= 3;
CREATE INDEX saga_parked ON saga (id) WHERE parked;
