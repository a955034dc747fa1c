-- Only those who oversee a sample see it until its embargo has ended (docs/decisions/order.md).
CREATE TABLE embargo (
    owner uuid PRIMARY KEY,
    id uuid NOT NULL, -- a further embargo of the owner has another id
    ends_at timestamptz NOT NULL,
    latest_end timestamptz NOT NULL -- further samples do not prolong it beyond this time
);
CREATE INDEX embargo_ends_at ON embargo (ends_at);
ALTER TABLE sample ADD COLUMN embargo uuid; -- NULL: never under embargo
