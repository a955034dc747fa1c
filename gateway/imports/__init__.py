"""Imports: many rows in one call."""
