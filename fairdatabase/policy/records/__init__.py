"""The anonymisation of one record: fields are resolved, generalised and checked against its own identifiers."""
