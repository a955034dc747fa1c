-- The pseudonym under which the donor counts in equivalence classes. NULL: the subject.
ALTER TABLE sample ADD COLUMN counted_as text;
