"""Samples: preparation, privacy status, and the grants of readers."""
