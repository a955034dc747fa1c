"""The peers' SQL: one statement creates a sample, another reads it with the reader's membership in its study."""

DEFAULT_STUDY = """
WITH made AS (
    INSERT INTO study (id, owner, is_default) VALUES ($1, $2, true) ON CONFLICT (owner) WHERE is_default DO NOTHING
    RETURNING id
)
SELECT id FROM made UNION ALL SELECT id FROM study WHERE owner = $2 AND is_default
"""
ROLE_IN_STUDY = """
SELECT CASE WHEN study.owner = $1 THEN 3 ELSE coalesce(member.role, 0) END AS role
FROM study LEFT JOIN member ON member.study = study.id AND member.account = $1 WHERE study.id = $2
"""
# If the account, or the donor, has several consents, one for the study takes precedence over one for all studies.
GIVEN = """
SELECT DISTINCT ON (subject_hash) id, subject_hash FROM consent
WHERE account = $1 AND purpose = $2 AND (subject_hash IS NULL OR subject_hash = $3) AND (study IS NULL OR study = $4)
  AND withdrawn_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY subject_hash, study NULLS LAST
"""
# The consent of the account and, if the sample has a donor, the consent of the donor.
PERMITTED = f"""
SELECT array_agg(id ORDER BY subject_hash NULLS FIRST) AS consents FROM ({GIVEN}) AS given
HAVING bool_or(subject_hash IS NULL) AND ($3::bytea IS NULL OR bool_or(subject_hash IS NOT NULL))
"""
# Notifications are written with the sample. No message is needed, because all tables are in one database.
STORE = """
WITH permitted AS (
    {permitted}
), claim AS (
    INSERT INTO idempotency (account, key_hash, fingerprint, sample)
    SELECT $1, $13, $14, $5 FROM permitted WHERE $13::bytea IS NOT NULL
    ON CONFLICT (account, key_hash) DO UPDATE
    SET fingerprint = excluded.fingerprint, sample = excluded.sample, created_at = now()
    WHERE idempotency.created_at < now() - interval '24 hours'
    RETURNING sample
), stored AS (
    INSERT INTO sample (id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents,
                        state)
    SELECT $5, $1, $4, $6, $7, $8, $9, $10, $11, consents, 3 FROM permitted
    WHERE $13::bytea IS NULL OR EXISTS (SELECT FROM claim)
    RETURNING *
), audited AS (
    INSERT INTO audit (sample, action, actor, correlation_id)
    SELECT id, action, owner::text, $12 FROM stored, unnest($15::text[]) AS action
), posted AS (
    INSERT INTO outbox (id, type, event)
    SELECT event.id, event.type, event.event
    FROM stored, unnest($16::uuid[], $17::text[], $18::text[]) AS event (id, type, event)
), followed AS (
    SELECT account FROM subscription, stored
    WHERE subscription.organism_key = lower(stored.organism) AND account <> stored.owner
    UNION
    SELECT account FROM subscription, stored WHERE subscription.study = stored.study AND account <> stored.owner
), notified AS (
    INSERT INTO notification (id, account, sample) SELECT gen_random_uuid(), account, $5 FROM followed
)
SELECT stored.created_at, EXISTS (SELECT FROM permitted) AS permitted
FROM (SELECT) AS always LEFT JOIN stored ON true
"""
# Check the consents of account and donor and store the sample, in one statement.
STORE_IF_PERMITTED = STORE.format(permitted=PERMITTED)
# Store the sample under consents that another service has already checked.
STORE_UNDER = STORE.format(
    permitted="SELECT $3::uuid[] AS consents WHERE $2 = 'sample_creation' AND cardinality($3::uuid[]) > 0"
)
GET = """
SELECT sample.*, CASE WHEN study.owner = $2 THEN 3 ELSE coalesce(member.role, 0) END AS role
FROM sample JOIN study ON study.id = sample.study
LEFT JOIN member ON member.study = sample.study AND member.account = $2
WHERE sample.id = $1
"""
BY_KEY = """
SELECT idempotency.fingerprint, sample.* FROM idempotency JOIN sample ON sample.id = idempotency.sample
WHERE account = $1 AND key_hash = $2 AND idempotency.created_at >= now() - interval '24 hours'
"""
