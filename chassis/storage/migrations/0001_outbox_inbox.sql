-- Events that are durable and not yet published. A row is deleted once the broker has confirmed its event.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    event bytea NOT NULL, -- fairdb.events.v1.Event
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_created_at ON outbox (created_at);

-- Events that a consumer has handled. A row is written in the transaction that applies the event's effects.
CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_handled_at ON inbox (handled_at);
