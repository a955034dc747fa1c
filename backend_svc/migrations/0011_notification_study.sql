-- The study that the account follows, if it follows only that; listed only while the account may read the study.
ALTER TABLE notification ADD COLUMN study uuid;

-- Earlier notifications do not say why they were sent. Those that no followed organism explains came from a study.
UPDATE notification SET study = sample.study FROM sample
WHERE sample.id = notification.sample_id AND NOT EXISTS (
    SELECT FROM subscription
    WHERE subscription.account = notification.account AND organism_key = lower(sample.organism)
);
