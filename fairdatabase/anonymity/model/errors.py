"""Errors other than those of reading a table: contradictory options, and limits that cannot be met."""

from fairdatabase.sheets.errors import BadTable


class BadOption(BadTable):
    """The options contradict each other or are incomplete, regardless of the values in the table."""


class CannotBeMet(Exception):
    """No generalisation of this table meets the limits; the message names the limit."""
