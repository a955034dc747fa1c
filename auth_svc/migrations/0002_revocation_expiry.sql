-- For the queries that delete expired rows and that copy the other rows to Redis.
CREATE INDEX revocation_expires_at ON revocation (expires_at);
