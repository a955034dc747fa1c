"""Writing: a table as a TSV or CSV file, and what goes with it, whole or not at all."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from anonymity.table import Table

_ROWS_AT_ONCE = 2048


@contextmanager
def replaced(*paths: Path) -> Iterator[list[TextIO]]:
    """Yield a text file for each path; all take their names when all are written, and nothing is left when that fails.

    What a link points to is replaced, not the link.
    """
    targets = [path.resolve() for path in paths]
    made: list[Path] = []
    try:
        with ExitStack() as opened:
            files: list[TextIO] = []
            for target in targets:
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=".fairdb-")
                made.append(Path(name))
                files.append(opened.enter_context(open(handle, "w", encoding="utf-8", newline="")))
            yield files
        # As `open` would have made them; what is temporary is private.
        mask = os.umask(0)
        os.umask(mask)
        for written, target in zip(list(made), targets, strict=True):
            written.chmod(0o666 & ~mask)
            is_new = not target.exists()
            written.replace(target)
            if is_new:
                made.append(target)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


class _Lines:
    """Ends lines in a line feed alone: of the characters that end lines, csv quotes only those that it writes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_table(table: Table, path: Path, advance: Callable[[int, int], None] | None = None) -> None:
    """Write a table. Raises OSError."""
    with replaced(path) as (file,):
        write_rows(table, file, delimiter_for(path, table), advance)


def delimiter_for(path: Path, table: Table) -> str:
    """Return what separates the fields of a file: ".csv" or ".tsv" says so, else the table does."""
    return {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), table.delimiter)


def write_rows(table: Table, file: TextIO, delimiter: str, advance: Callable[[int, int], None] | None = None) -> None:
    """Write a table to an open file. Raises OSError."""
    writer = csv.writer(_Lines(file), delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(table.columns)
    for start in range(0, table.rows, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        writer.writerows(zip(*(column.texts(part) for column in table.columns.values()), strict=True))
        if advance:
            advance(min(part.stop, table.rows), table.rows)
