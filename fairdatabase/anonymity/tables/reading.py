"""Reading: a TSV or CSV file as a table, or an error that says in which line and column to mend it."""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from fairdatabase.anonymity.model.errors import BadTable
from fairdatabase.anonymity.model.table import Column, Table, narrow
from fairdatabase.anonymity.tables.places import delimiter_of, explain

_CELLS_AT_ONCE = 6_000
_BYTES_AT_ONCE = 1 << 20

Advance = Callable[[int, int], None]


class _Codes(dict[str, int]):
    """Codes by value; a value that is new gets the next one."""

    def __missing__(self, value: str) -> int:
        code = self[value] = len(self)
        return code


def read_table(path: Path, advance: Advance | None = None) -> Table:
    """Read a file.

    The header tells what separates the fields: tabs if it holds one, else commas. Text is UTF-8, with or without BOM;
    fields may be quoted, lines end in LF or CRLF, empty lines at the end do not count. `advance` is told now and then
    how many of how many bytes are read. Raises BadTable, OSError.
    """
    with path.open("rb") as file:
        source = file if file.seekable() else io.BytesIO(file.read())
        size = _check_bytes(source)
        try:
            return _read(source, size, advance)
        except (UnicodeDecodeError, csv.Error, _Ragged) as error:
            _tell(source, error)


class _Ragged(Exception):
    pass


def _check_bytes(source: BinaryIO) -> int:
    """Return how many bytes there are. Raises BadTable when one is NUL, or there are none."""
    size = 0
    while block := source.read(_BYTES_AT_ONCE):
        if 0 in block:
            _tell(source, None)
        size += len(block)
    if not size:
        raise BadTable("the file is empty", line=1, column=1)
    source.seek(0)
    return size


def _read(source: BinaryIO, size: int, advance: Advance | None) -> Table:
    # The wrapper is never closed: it would take the file with it.
    text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
    try:
        delimiter = delimiter_of(text)
        text.seek(0)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        titles = read_titles(next(reader, []), delimiter)
        codes = [_Codes() for _ in titles]
        parts: list[list[np.ndarray]] = [[] for _ in titles]
        rows = 0
        for chunk in _chunks(reader, len(titles)):
            for i, texts in enumerate(zip(*chunk, strict=True)):
                part = np.fromiter(map(codes[i].__getitem__, texts), np.int32, len(texts))
                parts[i].append(narrow(part, len(codes[i])))
            rows += len(chunk)
            if advance:
                advance(source.tell(), size)
    finally:
        text.detach()
    if not rows:
        raise BadTable("there is no row below the header", line=2, column=1)
    columns = {}
    for title in titles:
        # Taken away, since all columns twice are larger than the table.
        columns[title] = Column(list(codes.pop(0)), np.concatenate(parts.pop(0)))
    return Table(columns, rows, delimiter)


def read_titles(titles: list[str], delimiter: str) -> list[str]:
    """Return the titles of a header. Raises BadTable."""
    if not any(titles):
        raise BadTable("the header names no column", line=1, column=1)
    if len(titles) == 1 and ";" in titles[0]:
        raise BadTable("semicolons separate nothing here: save the table with commas or tabs", line=1, column=1)
    first: dict[str, int] = {}
    for number, title in enumerate(titles, start=1):
        if (earlier := first.setdefault(title.strip(), number)) < number:
            other = titles[earlier - 1]
            twice = f"the name {title!r} stands twice" if other == title else f"{title!r} and {other!r} are one name"
            raise BadTable(f"{twice}, in column {earlier} already", line=1, column=number)
    return titles


def _chunks(reader: Iterator[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Yield some rows at a time. Raises _Ragged when one has not as many fields as the header."""
    while chunk := list(islice(reader, max(1, _CELLS_AT_ONCE // width))):
        if set(map(len, chunk)) != {width}:
            while chunk and not chunk[-1]:
                chunk.pop()
            if any(len(row) != width for row in chunk) or any(reader):
                raise _Ragged
            if not chunk:
                return
        yield chunk


def _tell(source: BinaryIO, error: Exception | None) -> NoReturn:
    """Raise the BadTable that says where and what is wrong."""
    source.seek(0)
    found = explain(source.read())
    raise found or BadTable(str(error))
