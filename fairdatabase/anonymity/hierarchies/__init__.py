"""Generalisation hierarchies: read from a file, inferred from values, or ordered domains."""
