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

-- Every refresh token that a session has issued. A token that is used twice was copied.
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY, -- SHA-256
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    used boolean NOT NULL DEFAULT false
);
CREATE INDEX refresh_token_session_id ON refresh_token (session_id);

-- Revoked tokens (jti) and sessions (sid). A row is kept until every token that it revokes has expired.
CREATE TABLE revocation (
    identifier uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
