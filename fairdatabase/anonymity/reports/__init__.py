"""Texts for people: advice on a table, and the report of its anonymisation."""
