"""Writes a table as a TSV or CSV file, together with other files: all of them or none."""

import csv
import os
import secrets
import stat
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from fairdatabase.anonymity.model.table import Table
from fairdatabase.sheets.formulas import as_text

_ROWS_AT_ONCE = 2048
_PREFIX = ".fairdb-"


@contextmanager
def replaced(*paths: Path, force: bool = False) -> Generator[list[TextIO], None, None]:
    """Yield a text file for each path. Once all are written, they are renamed into place: all of them or none.

    An existing file is replaced only with `force`; the new file has the same mode. For a symbolic link, its target is
    replaced.
    Raises OSError, FileExistsError.
    """
    targets = [path.resolve() for path in paths]
    made: list[Path] = []
    backups: dict[Path, Path] = {}
    try:
        with ExitStack() as opened:
            files: list[TextIO] = []
            for target in targets:
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=_PREFIX)
                made.append(Path(name))
                files.append(opened.enter_context(os.fdopen(handle, "w", encoding="utf-8", newline="")))
            yield files
        temporary = list(made)
        for target in targets:
            if force and target.exists():
                backups[target] = _keep(target)
            else:
                # Reserve the name atomically.
                target.open("x").close()
                made.append(target)
        for written, target in zip(temporary, targets, strict=True):
            written.chmod(stat.S_IMODE(backups[target].stat().st_mode) if target in backups else _new_mode())
            written.replace(target)
    except BaseException:
        for target, old in backups.items():
            os.replace(old, target)  # noqa: PTH105 - tests make Path.replace fail
            # `replace` does nothing when both names are one file.
            old.unlink(missing_ok=True)
        for path in made:
            path.unlink(missing_ok=True)
        raise
    for old in backups.values():
        old.unlink()


def _keep(target: Path) -> Path:
    """Give a file a second name, or rename it where hard links are unsupported."""
    old = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}")
    try:
        os.link(target, old)
    except OSError:
        target.rename(old)
    return old


def _new_mode() -> int:
    """Return the mode that `open` would have used; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


class _Lines:
    """Ends lines with LF only. csv itself must end lines with CRLF, or it would not quote cells that contain CR."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def write_table(table: Table, path: Path) -> None:
    """Write a table, replacing an existing file. Raises OSError."""
    with replaced(path, force=True) as (file,):
        write_rows(table, file, delimiter_for(path, table))


def delimiter_for(path: Path, table: Table) -> str:
    """Return the delimiter for a file: a comma for ".csv", a tab for ".tsv", else the delimiter of the table."""
    return {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower(), table.delimiter)


def write_rows(table: Table, file: TextIO, delimiter: str) -> None:
    """Write a table to an open file; cells that look like formulas begin with an apostrophe. Raises OSError."""
    writer = csv.writer(_Lines(file), delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([as_text(title) for title in table.columns])
    for start in range(0, table.rows, _ROWS_AT_ONCE):
        chunk = slice(start, start + _ROWS_AT_ONCE)
        columns = ([as_text(cell) for cell in column.texts(chunk)] for column in table.columns.values())
        writer.writerows(zip(*columns, strict=True))
