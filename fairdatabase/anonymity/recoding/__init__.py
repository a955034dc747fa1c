"""Recodings: the generalised quasi-identifiers of a table, and how much detail they lose."""
