-- When the relay may publish an event. If publishing fails, the relay sets a later time, so that other events go first.
ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX outbox_due_at ON outbox (due_at, id);
DROP INDEX outbox_created_at;
