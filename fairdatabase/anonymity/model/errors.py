"""Errors beside those of reading a table: options that contradict, and limits that cannot be met."""

from fairdatabase.sheets.errors import BadTable


class BadOption(BadTable):
    """The options contradict each other or the columns that they name, whatever the table contains."""


class CannotBeMet(Exception):
    """No generalisation of this table meets the limits; the message names the limit."""
