"""Writing: a table as a TSV or CSV file, whole or not at all."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from anonymity.table import Table

_ROWS_AT_ONCE = 2048


@contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """Yield a text file that takes the name when all is written, and leaves nothing behind when that fails.

    What a link points to is replaced, not the link.
    """
    path = path.resolve()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        # As `open` would have made it; what is temporary is private.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Lines:
    """Ends lines in a line feed alone: of the characters that end lines, csv quotes only those that it writes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_table(table: Table, path: Path, advance: Callable[[int, int], None] | None = None) -> None:
    """Write a table; ".csv" or ".tsv" says what separates the fields, else the table does. Raises OSError."""
    delimiter = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), table.delimiter)
    with replaced(path) as file:
        writer = csv.writer(_Lines(file), delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(table.columns)
        for start in range(0, table.rows, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            writer.writerows(zip(*(column.texts(part) for column in table.columns.values()), strict=True))
            if advance:
                advance(min(part.stop, table.rows), table.rows)
