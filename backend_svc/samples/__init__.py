"""Samples at rest: store, lookup and search."""
