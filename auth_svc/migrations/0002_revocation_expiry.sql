-- Finds the rows to sweep, and those to copy to Redis.
CREATE INDEX revocation_expires_at ON revocation (expires_at);
