"""Reads a whole CSV or TSV file with a header. Reading is strict: it stops at the first fault.

Python's csv module reads the rows, a chunk at a time, which is fast. Only if that fails does `faults` find the line and
the column.
"""

import csv
import io
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from fairdatabase.sheets.columns import untitled
from fairdatabase.sheets.decoding import Decoder
from fairdatabase.sheets.dialect import BOM, cells_of, delimiter_of
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.faults import fault_in_bytes, fault_in_quotes, first_fault
from fairdatabase.sheets.formats import is_gzip, is_workbook
from fairdatabase.sheets.header import Start, comments_note, find_header, fitted, is_comment_cell

_CELLS_AT_ONCE = 6_000
_BYTES_AT_ONCE = 1 << 20
_SNIFFED = 4
"""How many bytes show whether a file is packed."""


class Sheet:
    """A table in an open file: `titles`, the `delimiter` that separates its cells, and its rows.

    The header shows the delimiter: a tab, else the most frequent of comma, semicolon and vertical bar. Cells may be
    quoted; lines end in LF, CRLF or CR; empty lines at the end do not count, nor do comments, which begin with "#".
    `sheets.decoding` describes the encodings. A column without a title has its number as its title: "column 3". Only
    the first column may have an empty title. A column with the title of an earlier one fills in for its blank cells;
    what differs from the earlier column has the column's number as its title, as in an import.
    """

    def __init__(self, file: BinaryIO, worksheet: str = "") -> None:
        """Read the header. `worksheet`: the sheet to read of an Excel file, "" for the only one with data.

        Raises BadTable, OSError.
        """
        source = file if file.seekable() else io.BytesIO(file.read())
        self._source, self.notes = _as_text(source, worksheet)
        """The text, and what the rows do not show of the file. The notes are complete after the last row."""
        self._comments = 0
        self._may_have_comments = False
        self._differing = 0
        """How many rows have different values in columns with the same title."""
        self.size = self._check_bytes()
        """The size of the text in bytes."""
        self._text = io.TextIOWrapper(self._source, encoding="utf-8-sig", newline="")
        self.delimiter = ","
        try:
            start = Start(",")
            for number, line in enumerate(self._text, start=1):
                if start.add(number, line.rstrip("\r\n").encode()):
                    break
            self.delimiter = start.delimiter
            self._text.seek(0)
            if start.has_separator_line:
                next(self._text)
            self._reader = cells_of(self._text, self.delimiter)
            self.header, self._first = self._read_header()
            """The titles as they are in the file."""
            self.titles, self._repeats = _read_titles(self.header)
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._fault(str(error)) from None

    @property
    def position(self) -> int:
        """The number of bytes read so far."""
        return self._source.tell()

    def chunks(self) -> Iterator[list[list[str]]]:
        """Yield some rows at a time, each as wide as the header. Raises BadTable, even if there are no rows."""
        width, is_empty = len(self.titles), True
        try:
            while chunk := [*self._first, *islice(self._reader, max(1, _CELLS_AT_ONCE // width))]:
                self._first = []
                if self._may_have_comments:
                    rows = [row for row in chunk if not (row and is_comment_cell(row[0]))]
                    self._comments += len(chunk) - len(rows)
                    chunk = rows
                if set(map(len, chunk)) - {width}:
                    chunk = self._fitted(chunk)
                if not chunk:
                    continue
                is_empty = False
                if self._repeats:
                    self._differing += sum([self._merge_repeats(row) for row in chunk])
                yield chunk
        except (UnicodeDecodeError, csv.Error) as error:
            raise self._fault(str(error)) from None
        if is_empty:
            raise BadTable("there is no row below the header", line=2, column=1)
        if self._comments:
            self.notes.append(comments_note(self._comments))
        if self._differing:
            named = ", ".join(repr(self.titles[index]) for index in self._repeats)
            rows = "1 row has" if self._differing == 1 else f"{self._differing} rows have"
            self.notes.append(f"{rows} different values under a repeated title: the later ones are in {named}.")

    def may_be_empty(self, index: int) -> bool:
        """Return whether a column means nothing if it has no value: it has no title, or that of an earlier column."""
        return index in self._repeats or not self.header[index].strip()

    def _merge_repeats(self, row: list[str]) -> bool:
        """Move values of repeated columns to blank cells of the first. Return whether others differ from the first."""
        differs = False
        for index, first in self._repeats.items():
            if row[index] == row[first] or not row[first] or row[first].isspace():
                row[first], row[index] = row[index] or row[first], ""
            differs = differs or not (not row[index] or row[index].isspace())
        return differs

    def _read_header(self) -> tuple[list[str], list[list[str]]]:
        """Return the header, and the first row if it was read too."""
        leading: list[list[str]] = []
        row = next(self._reader, list[str]())
        while row and is_comment_cell(row[0]):
            leading.append(row)
            row = next(self._reader, list[str]())
        if row and (header := find_header(leading, row)) is not None:
            self._comments = len(leading) - 1
            return leading[header], [row]
        self._comments = len(leading)
        return row, []

    def _fitted(self, chunk: list[list[str]]) -> list[list[str]]:
        """Return rows that are all as wide as the header, without empty lines at the end. Raises BadTable."""
        if not chunk[-1] and any(self._reader):
            raise self._fault("an empty line")
        while chunk and not chunk[-1]:
            chunk.pop()
        rows = [fitted(row, self.header) if row else None for row in chunk]
        found = [row for row in rows if row is not None]
        if len(found) < len(rows):
            raise self._fault("rows of different widths")
        return found

    def _check_bytes(self) -> int:
        """Return how many bytes there are. Raises BadTable when one is NUL, or there are none."""
        size = 0
        while block := self._source.read(_BYTES_AT_ONCE):
            if 0 in block:
                self._source.seek(0)
                raise first_fault(self._source.read(), ",") or BadTable("a NUL byte")
            self._may_have_comments = self._may_have_comments or b"#" in block
            size += len(block)
        if not size:
            raise BadTable("the file is empty", line=1, column=1)
        self._source.seek(0)
        return size

    def _fault(self, otherwise: str) -> BadTable:
        """Return the first fault of the file, with its place."""
        # A wrapper that is not detached closes the file when it is freed.
        source = self._text.detach()
        source.seek(0)
        return first_fault(source.read(), self.delimiter) or BadTable(otherwise)


def _as_text(file: BinaryIO, worksheet: str) -> tuple[BinaryIO, list[str]]:
    """Return a file itself if its bytes are UTF-8, else its text in memory; and notes. Raises BadTable."""
    start = file.read(_SNIFFED)
    file.seek(0)
    if not (is_gzip(start) or is_workbook(start)):
        decoder = Decoder(worksheet=worksheet)
        for _ in _decoded(file, decoder):
            pass
        file.seek(0)
        if not decoder.converts:
            return file, []
    decoder, text = Decoder(worksheet=worksheet), io.BytesIO()
    text.writelines(_decoded(file, decoder))
    text.seek(0)
    return text, decoder.notes


def _decoded(file: BinaryIO, decoder: Decoder) -> Iterator[bytes]:
    for block in iter(partial(file.read, _BYTES_AT_ONCE), b""):
        yield from decoder.feed(block)
    yield from decoder.end()


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a file by title. Raises BadTable, OSError."""
    with path.open("rb") as file:
        sheet = Sheet(file)
        for chunk in sheet.chunks():
            for row in chunk:
                yield dict(zip(sheet.titles, row, strict=True))


def read_lines(path: Path, delimiters: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not empty, and the number of the line in which they end.

    For files without a header. The delimiter is the first of `delimiters` that the first line contains, else a comma.
    Raises BadTable, OSError.
    """
    content = path.read_bytes().removeprefix(BOM)
    # As in a table, lines end only at LF, CRLF or CR. `splitlines` would also split at other characters.
    lines = list(io.StringIO(content.decode(errors="replace"), newline=""))
    delimiter = delimiter_of(lines, delimiters)
    if fault := fault_in_bytes(content, delimiter):
        raise fault.within(path)
    reader = cells_of(lines, delimiter)
    found: list[tuple[int, list[str]]] = []
    while True:
        start = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return found
        except csv.Error as error:
            row = "".join(lines[start : reader.line_num])
            raise fault_in_quotes(error, row, start + 1, delimiter).within(path) from error
        if cells:
            found.append((reader.line_num, cells))


def _read_titles(header: list[str]) -> tuple[list[str], dict[int, int]]:
    """Return distinct titles, and for each column with the title of an earlier one that column. Raises BadTable."""
    if not any(header):
        raise BadTable("the header names no column", line=1, column=1)
    titles: list[str] = []
    first: dict[str, int] = {}
    repeats: dict[int, int] = {}
    for index, title in enumerate(header):
        if title.strip() and (earlier := first.setdefault(title.strip(), index)) < index:
            repeats[index] = earlier
        has_title = index not in repeats and (title or not index)
        titles.append(title if has_title else untitled(index, header))
    return titles, repeats
