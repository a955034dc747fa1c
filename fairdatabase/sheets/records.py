"""Splits a stream of bytes into the rows of a file. Keeps at most one unfinished row in memory.

A bad row does not affect other rows: its record contains the fault, and the next record is the next row.
"""

import csv
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from fairdatabase.sheets.decoding import Decoder
from fairdatabase.sheets.dialect import MOST_BYTES, cells_of
from fairdatabase.sheets.header import Start, find_header, is_comment

_MOST_LINES = 100
_MOST_SPAN = 64 * 1024
"""The maximum number of lines, and of bytes, in one row of a table.

After an unclosed quote, up to this much of the file is read twice.
"""


class Fault(Enum):
    """Why a row cannot be read. The value is the message to the sender."""

    TOO_LARGE = "The row is larger than 1 MB."
    NOT_TEXT = "The row is not UTF-8 text."
    BADLY_QUOTED = (
        "A quoted cell is not closed, or text follows its closing quote. Write a quote inside a quoted cell twice."
    )
    RAGGED = "The row has more or fewer cells than the header."
    EMPTY = "The row is empty."

    @property
    def reason(self) -> str:
        """The name of the fault in fairdb.errors.v1.ErrorReason."""
        return "REQUEST_TOO_LARGE" if self is Fault.TOO_LARGE else "MALFORMED_REQUEST"


class Record(NamedTuple):
    """A row of a file."""

    line: int
    """The number of the row's first line, from 1."""
    raw: bytes
    """The bytes of the row without the line end; empty when the row is too large."""
    cells: list[str]
    """The cells of a table's row, or the single line of another file; empty when there is a fault."""
    fault: Fault | None = None


class Records(Protocol):
    """Splits a file into records. Its methods raise BadTable if the file cannot be read at all."""

    comments: int
    """How many lines of a table are comments, which are no records."""
    notes: list[str]
    """What the records do not show of the file. Complete at its end."""

    def feed(self, data: bytes) -> Iterator[Record]:
        """Take some bytes; yield the records that are now complete."""
        ...

    def unfinished(self) -> bool:
        """Return whether the bytes so far end inside a record."""
        ...

    def end(self) -> Iterator[Record]:
        """Yield the remaining records. Call it after the last bytes."""
        ...


class _Line(NamedTuple):
    number: int
    raw: bytes | None
    """None when the line is too long."""


class _Lines:
    """Splits bytes into lines of text without their line ends. Its methods raise BadTable."""

    def __init__(self, charset: str, worksheet: str | None = None) -> None:
        self._decoder = Decoder(charset, worksheet)
        self.notes = self._decoder.notes
        self._rest = b""
        self._too_long = False
        self._number = 0

    def feed(self, data: bytes) -> Iterator[_Line]:
        for text in self._decoder.feed(data):
            yield from self._split(text)

    def unfinished(self) -> bool:
        return bool(self._rest) or self._too_long or not self._decoder.complete()

    def end(self) -> Iterator[_Line]:
        for text in self._decoder.end():
            yield from self._split(text)
        if self._rest or self._too_long:
            yield self._line(self._rest)
            self._rest = b""

    def _split(self, text: bytes) -> Iterator[_Line]:
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            yield self._line(line)
        if len(self._rest) > MOST_BYTES:
            self._too_long, self._rest = True, b""

    def _line(self, raw: bytes) -> _Line:
        self._number += 1
        too_long, self._too_long = self._too_long or len(raw) > MOST_BYTES, False
        return _Line(self._number, None if too_long else raw.removesuffix(b"\r"))


class LineRecords:
    """Splits a file in which each line is a row; blank lines do not count."""

    comments = 0
    """Such a file has no comments."""

    def __init__(self, charset: str = "") -> None:
        self._lines = _Lines(charset)
        self.notes = self._lines.notes

    def feed(self, data: bytes) -> Iterator[Record]:
        return self._records(self._lines.feed(data))

    def unfinished(self) -> bool:
        return self._lines.unfinished()

    def end(self) -> Iterator[Record]:
        return self._records(self._lines.end())

    def _records(self, lines: Iterator[_Line]) -> Iterator[Record]:
        for number, raw in lines:
            if raw is None:
                yield Record(number, b"", [], Fault.TOO_LARGE)
            elif raw and not raw.isspace():
                yield _decoded(number, raw, None)


class TableRecords:
    """Splits a table whose cells may be quoted. The first record is the header. Blank lines and comments do not count.

    The header shows by which character the cells are separated.
    A quoted cell may contain line ends. If its quotes are wrong or never close, its first line becomes a bad row and
    reading resumes at the next line, so a stray quote does not affect other rows.
    """

    def __init__(self, delimiter: str, charset: str = "", worksheet: str | None = None) -> None:
        """Set up. `delimiter`: what separates the cells if the header does not show it. `worksheet`: see `Decoder`."""
        self.delimiter = delimiter
        self.comments = 0
        self._separator = delimiter.encode()
        self._lines = _Lines(charset, worksheet)
        self.notes = self._lines.notes
        self._start: Start | None = Start(delimiter)
        """The lines up to the header, until it has been read."""
        self._leading: list[Record] | None = []
        """The records up to the first that does not begin with "#", until it has been read."""
        self._open: list[_Line] = []
        """The lines of a row whose quoted cell is not closed yet."""
        self._span = 0

    def feed(self, data: bytes) -> Iterator[Record]:
        for line in self._lines.feed(data):
            yield from self._rows(self._take(self._started(line)))

    def unfinished(self) -> bool:
        return self._lines.unfinished() or bool(self._open)

    def end(self) -> Iterator[Record]:
        for line in self._lines.end():
            yield from self._rows(self._take(self._started(line)))
        yield from self._rows(self._take(self._begin()))
        while self._open:
            todo = deque[_Line]()
            yield from self._rows(iter([self._reject_open(todo)]))
            yield from self._rows(self._take(todo))
        if self._leading:
            # No row follows: the first line with several cells is the header.
            yield next((record for record in self._leading if len(record.cells) > 1), self._leading[0])

    def _started(self, line: _Line) -> deque[_Line]:
        """Return the lines to read: none until the header shows the delimiter."""
        if self._start is None:
            return deque([line])
        return self._begin() if self._start.add(line.number, line.raw) else deque()

    def _begin(self) -> deque[_Line]:
        if self._start is None:
            return deque()
        start, self._start = self._start, None
        self.delimiter = start.delimiter
        self._separator = self.delimiter.encode()
        return deque(_Line(number, raw) for number, raw in start.lines)

    def _rows(self, records: Iterator[Record]) -> Iterator[Record]:
        """Leave out the comments, and yield the header first."""
        for record in records:
            if is_comment(record.raw):
                self.comments += 1
                if self._leading is not None and len(self._leading) < _MOST_LINES:
                    self._leading.append(record)
                continue
            if self._leading is not None:
                leading, self._leading = self._leading, None
                header = find_header([other.cells for other in leading], record.cells)
                if header is not None:
                    self.comments -= 1
                    yield leading[header]
            yield record

    def _take(self, todo: deque[_Line]) -> Iterator[Record]:
        while todo:
            line = todo.popleft()
            number, raw = line
            if raw is None:
                if self._open:
                    todo.appendleft(line)
                    yield self._reject_open(todo)
                else:
                    yield Record(number, b"", [], Fault.TOO_LARGE)
                continue
            if not self._open and (not raw or (raw.isspace() and self._separator not in raw)):
                continue
            if not self._open and is_comment(raw):
                # A comment may contain any quotes, and ends with its line.
                yield Record(number, raw, _cells_of_comment(raw, self.delimiter))
                continue
            inside = _ends_inside(raw, self._separator, bool(self._open))
            self._open.append(line)
            self._span += len(raw)
            if not inside:
                yield self._close(todo)
            while len(self._open) >= _MOST_LINES or (self._span > _MOST_SPAN and len(self._open) > 1):
                yield self._reject_open(todo)

    def _close(self, todo: deque[_Line]) -> Record:
        raw = b"\n".join(line.raw or b"" for line in self._open)
        try:
            record = _decoded(self._open[0].number, raw, self.delimiter)
        except csv.Error:
            return self._reject_first(todo)
        self._open, self._span = [], 0
        return record

    def _reject_open(self, todo: deque[_Line]) -> Record:
        """Reject the first line of a row whose quotes are still open, without reading the other lines again."""
        first, *others = self._open
        if not others or not _ends_inside(others[0].raw or b"", self._separator, False):
            return self._reject_first(todo)
        # The second line alone also ends inside a quoted cell, so the later lines are still inside quotes.
        self._open, self._span = others, self._span - len(first.raw or b"")
        return Record(first.number, first.raw or b"", [], Fault.BADLY_QUOTED)

    def _reject_first(self, todo: deque[_Line]) -> Record:
        """Make the first line of the open row a bad row, and put its other lines back to be read."""
        first, *others = self._open
        todo.extendleft(reversed(others))
        self._open, self._span = [], 0
        return Record(first.number, first.raw or b"", [], Fault.BADLY_QUOTED)


def _decoded(number: int, raw: bytes, delimiter: str | None) -> Record:
    """Return the record of a row. Raises csv.Error when its quotes are wrong."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Record(number, raw, [], Fault.NOT_TEXT)
    if delimiter is None:
        return Record(number, raw, [text])
    if '"' not in text:
        return Record(number, raw, text.split(delimiter))
    return Record(number, raw, next(cells_of([text], delimiter)))


def _cells_of_comment(raw: bytes, delimiter: str) -> list[str]:
    text = raw.decode(errors="replace")
    try:
        return next(cells_of([text], delimiter))
    except csv.Error:
        return text.split(delimiter)


def _ends_inside(line: bytes, delimiter: bytes, inside: bool) -> bool:
    """Return whether a line ends inside a quoted cell; `inside` says whether it starts inside one."""
    if b'"' not in line:
        return inside
    at = 0
    while True:
        if not inside:
            if line[at : at + 1] != b'"':
                at = line.find(delimiter, at) + 1
                if at == 0:
                    return False
                continue
            at += 1
        while (at := line.find(b'"', at)) >= 0 and line[at + 1 : at + 2] == b'"':
            at += 2
        if at < 0:
            return True
        # Text between the quote and the next delimiter makes the row bad; `_decoded` finds that out.
        inside, at = False, line.find(delimiter, at + 1) + 1
        if at == 0:
            return False
