-- Readers of a study see quasi-identifiers only where enough donors share them (docs/decisions/readers.md). These tables
-- count the donors. Rows without a class, which older releases store, are counted in the background; until then,
-- readers do not see their quasi-identifiers.
ALTER TABLE sample ADD COLUMN class_id uuid; -- equivalence class in which the sample counts; NULL if it does not count
CREATE INDEX sample_to_count ON sample (id) WHERE (class_id IS NULL) = (state <> 4); -- 4: quarantined

-- The samples that each donor has in each class.
CREATE TABLE class_donor (
    study uuid NOT NULL,
    subject text NOT NULL, -- pseudonym
    class_id uuid NOT NULL,
    samples int NOT NULL,
    PRIMARY KEY (study, subject, class_id)
);
CREATE TABLE equivalence_class (
    id uuid PRIMARY KEY, -- hash of the study and of all quasi-identifiers
    donors int NOT NULL, -- that have samples in the class
    linked int NOT NULL -- donors that also have samples in other classes of the study
);

-- The studies of the samples that depend on the consent. NULL in rows of older releases: any study.
ALTER TABLE barrier ADD COLUMN studies uuid[];
