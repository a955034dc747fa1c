"""The anonymisation of one record: resolves and generalises its fields, and removes the record's own identifiers."""
