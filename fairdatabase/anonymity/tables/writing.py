"""Writing: a table as a TSV or CSV file, and what goes with it, whole or not at all."""

import csv
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from fairdatabase.anonymity.model.table import Table

_ROWS_AT_ONCE = 2048
_PREFIX = ".fairdb-"


@contextmanager
def replaced(*paths: Path, force: bool = False) -> Iterator[list[TextIO]]:
    """Yield a text file for each path; all take their names when all are written, and when that fails, none does.

    What is there already is replaced with `force` only, and keeps its mode; what a link points to is replaced, not the
    link. Raises OSError, FileExistsError.
    """
    targets = [path.resolve() for path in paths]
    made: list[Path] = []
    aside: dict[Path, Path] = {}
    try:
        with ExitStack() as opened:
            files: list[TextIO] = []
            for target in targets:
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PREFIX)
                made.append(Path(name))
                files.append(opened.enter_context(open(handle, "w", encoding="utf-8", newline="")))
            yield files
        temporary = list(made)
        for target in targets:
            if force and target.exists():
                aside[target] = _keep(target)
            else:
                # The name is taken, or found to be taken, in one step.
                target.open("x").close()
                made.append(target)
        for written, target in zip(temporary, targets, strict=True):
            written.chmod(stat.S_IMODE(aside[target].stat().st_mode) if target in aside else _new_mode())
            written.replace(target)
    except BaseException:
        for target, old in aside.items():
            os.replace(old, target)
            # Of two names of one file that left both.
            old.unlink(missing_ok=True)
        for path in made:
            path.unlink(missing_ok=True)
        raise
    for old in aside.values():
        old.unlink()


def _keep(target: Path) -> Path:
    """Give a file a second name; where there are no second names, another one."""
    old = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}")
    try:
        os.link(target, old)
    except OSError:
        target.rename(old)
    return old


def _new_mode() -> int:
    """Return the mode that `open` would have given; what is temporary is private."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


class _Lines:
    """Ends lines in a line feed alone: of the characters that end lines, csv quotes only those that it writes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_table(table: Table, path: Path) -> None:
    """Write a table, over what is there already. Raises OSError."""
    with replaced(path, force=True) as (file,):
        write_rows(table, file, delimiter_for(path, table))


def delimiter_for(path: Path, table: Table) -> str:
    """Return what separates the fields of a file: ".csv" or ".tsv" says so, else the table does."""
    return {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), table.delimiter)


def write_rows(table: Table, file: TextIO, delimiter: str) -> None:
    """Write a table to an open file. Raises OSError."""
    writer = csv.writer(_Lines(file), delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(table.columns)
    for start in range(0, table.rows, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        writer.writerows(zip(*(column.texts(part) for column in table.columns.values()), strict=True))
