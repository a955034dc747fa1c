CREATE TABLE account (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE, -- lower case
    password_hash text NOT NULL, -- argon2id
    roles smallint[] NOT NULL, -- fairdb.options.v1.Role
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE session (
    id uuid PRIMARY KEY, -- `sid` of its access tokens
    account_id uuid NOT NULL REFERENCES account,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_expires_at ON session (expires_at);
CREATE INDEX session_account_id ON session (account_id);

-- Every refresh token of a session that was ever issued. One that comes back after its use shows that somebody copied it.
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY, -- SHA-256
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    used boolean NOT NULL DEFAULT false
);
CREATE INDEX refresh_token_session_id ON refresh_token (session_id);

-- Tokens (jti) and sessions (sid) that count no more, until the last token they could name has expired.
CREATE TABLE revocation (
    identifier uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
