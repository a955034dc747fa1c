"""Samples at rest: store, search, event store, audit log, notifications. Knows anonymised samples only."""
