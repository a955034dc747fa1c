"""Imports: create many samples in one call."""
