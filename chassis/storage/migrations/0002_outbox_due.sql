-- When the relay may publish an event: at once, and later again when it could not, so that others pass it.
ALTER TABLE outbox ADD COLUMN due_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX outbox_due_at ON outbox (due_at, id);
DROP INDEX outbox_created_at;
