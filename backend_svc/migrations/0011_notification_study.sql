-- The study that the account follows, if it follows only that; listed only while the account may read the study.
ALTER TABLE notification ADD COLUMN study uuid;
