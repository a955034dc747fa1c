"""Searches for the generalisation that meets the limits and loses least."""
