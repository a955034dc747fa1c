"""The error for a table that cannot be used, with the place of the fault."""

from pathlib import Path


class BadTable(Exception):
    """The input cannot be used. Lines and columns count from 1; `file` is set if the input is not the table."""

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
        """Return the same error for a file other than the table."""
        return BadTable(self.why, line=self.line, column=self.column, file=file)
