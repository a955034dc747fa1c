-- How many donors must share their quasi-identifiers before the study's readers see these.
ALTER TABLE study ADD COLUMN reader_k int NOT NULL DEFAULT 5;
