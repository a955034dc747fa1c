ALTER TABLE study ADD COLUMN title text NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX study_owner ON study (owner, id);

CREATE TABLE member (
    study_id uuid NOT NULL REFERENCES study,
    account_id uuid NOT NULL,
    role smallint NOT NULL, -- fairdb.privacy.v1.StudyRole: reader or curator
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (study_id, account_id)
);
CREATE INDEX member_account_id ON member (account_id);
