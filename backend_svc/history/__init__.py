"""The history of each sample: event store and audit log."""
