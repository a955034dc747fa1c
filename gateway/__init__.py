"""The public API for samples: orchestrates creation, filters what is read, aggregates health."""
