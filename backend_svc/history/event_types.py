"""The types of the events of a sample that backend_svc records."""

CREATED = "sample.created"
VALIDATED = "sample.validated"
ANONYMIZED = "sample.anonymized"
INDEXED = "sample.indexed"
PROCESSED = "sample.processed"
QUARANTINED = "sample.quarantined"

CREATION = (CREATED, VALIDATED, ANONYMIZED)
"""Recorded together, with the sample, in this order."""
