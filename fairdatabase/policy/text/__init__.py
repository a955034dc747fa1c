"""Texts, dates and scalars as people write them, in forms that compare equal."""
