-- Filters ignore the case of ASCII letters.
UPDATE sample_field SET text_value = lower(text_value COLLATE "C") WHERE text_value <> lower(text_value COLLATE "C");
