"""The types of the events of a sample that backend_svc records."""

CREATED = "sample.created"
VALIDATED = "sample.validated"
ANONYMIZED = "sample.anonymized"
INDEXED = "sample.indexed"
PROCESSED = "sample.processed"
QUARANTINED = "sample.quarantined"

CREATION = (CREATED, VALIDATED, ANONYMIZED)
"""The first events of a sample, in this order. They are recorded in the transaction that stores the sample."""
