"""Errors: a table that cannot be read, options that cannot be meant, and a limit that cannot be met."""

from pathlib import Path


class BadTable(Exception):
    """The input cannot be used; says where: lines and columns count from 1, `file` is there if it is not the table."""

    def __init__(
        self, why: str, *, line: int | None = None, column: int | None = None, file: Path | None = None
    ) -> None:
        place = ", ".join(f"{word} {n}" for word, n in (("line", line), ("column", column)) if n is not None)
        super().__init__(f"{place}: {why}" if place else why)
        self.why = why
        self.line = line
        self.column = column
        self.file = file

    def within(self, file: Path) -> "BadTable":
        """Return the same, said of a file that is not the table."""
        return BadTable(self.why, line=self.line, column=self.column, file=file)


class BadOption(BadTable):
    """What is asked for contradicts itself or the columns that are named, whatever the table holds."""


class CannotBeMet(Exception):
    """No generalisation of this table meets the limits; the message names the limit."""
