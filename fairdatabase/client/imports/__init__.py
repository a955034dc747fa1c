"""Imports of tables from the command line: rows, batches and the report."""
