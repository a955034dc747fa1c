"""Records: the rows of a file, cut out of bytes that come in pieces. No more of a file is held than one row."""

import csv
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple, Protocol

MOST_BYTES = 1024 * 1024
"""Of a row."""

_BOM = b"\xef\xbb\xbf"
_MOST_LINES = 100
_MOST_SPAN = 64 * 1024
"""Lines, and bytes, that one row of a table may go over; behind a quote that is not closed this much is read twice."""

# It stands for the whole process, whose other tables have no cell so long.
csv.field_size_limit(MOST_BYTES)


class Fault(Enum):
    """Why a row cannot be read, as its sender is told."""

    TOO_LARGE = "The row is larger than 1 MB."
    NOT_TEXT = "The row is no text in UTF-8."
    BADLY_QUOTED = (
        "A quoted cell of the row does not end, or goes on behind its quotes; a quote within one is written twice."
    )
    RAGGED = "The row has not as many cells as the title line."
    EMPTY = "The row holds nothing."

    @property
    def reason(self) -> str:
        """The name of the reason, from fairdb.errors.v1.ErrorReason."""
        return "REQUEST_TOO_LARGE" if self is Fault.TOO_LARGE else "MALFORMED_REQUEST"


class Record(NamedTuple):
    """A row of a file."""

    line: int
    """The number of the line that it begins with, from 1."""
    raw: bytes
    """As it stands there, without the line's end; empty when it is too large."""
    cells: list[str]
    """Its texts: the cells of a table; of another file the one line."""
    fault: Fault | None = None
    """Set when there are none."""


class Records(Protocol):
    """Cuts a file into records."""

    def feed(self, data: bytes) -> Iterator[Record]:
        """Take some bytes; yield the records that are whole now."""
        ...

    def unfinished(self) -> bool:
        """Tell whether what came so far ends within a record."""
        ...

    def end(self) -> Iterator[Record]:
        """Yield what was left; there is no more."""
        ...


class _Line(NamedTuple):
    number: int
    raw: bytes | None
    """None when it is too long."""


class _Lines:
    """Cuts bytes into lines, without their ends and without the BOM."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = self._too_long = False
        self._number = 0

    def feed(self, data: bytes) -> Iterator[_Line]:
        self._rest += data
        if not self._begun:
            if len(self._rest) < len(_BOM) and _BOM.startswith(self._rest):
                return
            self._rest, self._begun = self._rest.removeprefix(_BOM), True
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            yield self._line(line)
        if len(self._rest) > MOST_BYTES:
            self._too_long, self._rest = True, b""

    def unfinished(self) -> bool:
        return bool(self._rest) or self._too_long

    def end(self) -> Iterator[_Line]:
        if self.unfinished():
            yield self._line(self._rest)
            self._rest = b""

    def _line(self, raw: bytes) -> _Line:
        self._number += 1
        too_long, self._too_long = self._too_long or len(raw) > MOST_BYTES, False
        return _Line(self._number, None if too_long else raw.removesuffix(b"\r"))


class LineRecords:
    """Cuts a file whose rows are lines; blank ones do not count."""

    def __init__(self) -> None:
        self._lines = _Lines()

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
    """Cuts a table, whose cells may be quoted; blank lines do not count.

    A quoted cell may hold line ends. Where its quotes turn out wrong, or never end, the line in which it began is one
    bad row, and the next row begins with the next line: a quote too many costs no other row.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._mark = delimiter.encode()
        self._lines = _Lines()
        self._open: list[_Line] = []
        """Lines of a row whose quoted cell has not ended."""
        self._span = 0

    def feed(self, data: bytes) -> Iterator[Record]:
        for line in self._lines.feed(data):
            yield from self._take(deque([line]))

    def unfinished(self) -> bool:
        return self._lines.unfinished() or bool(self._open)

    def end(self) -> Iterator[Record]:
        for line in self._lines.end():
            yield from self._take(deque([line]))
        while self._open:
            todo = deque[_Line]()
            yield self._give_up_open(todo)
            yield from self._take(todo)

    def _take(self, todo: deque[_Line]) -> Iterator[Record]:
        while todo:
            line = todo.popleft()
            number, raw = line
            if raw is None:
                if self._open:
                    todo.appendleft(line)
                    yield self._give_up_open(todo)
                else:
                    yield Record(number, b"", [], Fault.TOO_LARGE)
                continue
            if not self._open and (not raw or (raw.isspace() and self._mark not in raw)):
                continue
            inside = _ends_inside(raw, self._mark, bool(self._open))
            self._open.append(line)
            self._span += len(raw)
            if not inside:
                yield self._close(todo)
            while len(self._open) >= _MOST_LINES or (self._span > _MOST_SPAN and len(self._open) > 1):
                yield self._give_up_open(todo)

    def _close(self, todo: deque[_Line]) -> Record:
        raw = b"\n".join(line.raw or b"" for line in self._open)
        try:
            record = _decoded(self._open[0].number, raw, self._delimiter)
        except csv.Error:
            return self._give_up_first(todo)
        self._open, self._span = [], 0
        return record

    def _give_up_open(self, todo: deque[_Line]) -> Record:
        """Do as `_give_up_first` with a row whose quotes are still open, and cut no line again for nothing."""
        first, *others = self._open
        if not others or not _ends_inside(others[0].raw or b"", self._mark, False):
            return self._give_up_first(todo)
        # The second line opens a quote of its own, so the lines behind it stand within quotes as they did before.
        self._open, self._span = others, self._span - len(first.raw or b"")
        return Record(first.number, first.raw or b"", [], Fault.BADLY_QUOTED)

    def _give_up_first(self, todo: deque[_Line]) -> Record:
        """Make the first line of the open row a row, a bad one, and the others lines that are still to be read."""
        first, *others = self._open
        todo.extendleft(reversed(others))
        self._open, self._span = [], 0
        return Record(first.number, first.raw or b"", [], Fault.BADLY_QUOTED)


def _decoded(number: int, raw: bytes, delimiter: str | None) -> Record:
    """Return the record of a row's bytes. Raises csv.Error when its quotes are wrong."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Record(number, raw, [], Fault.NOT_TEXT)
    if delimiter is None:
        return Record(number, raw, [text])
    if '"' not in text:
        return Record(number, raw, text.split(delimiter))
    return Record(number, raw, next(csv.reader([text], delimiter=delimiter, strict=True)))


def _ends_inside(line: bytes, delimiter: bytes, inside: bool) -> bool:
    """Tell whether a line ends within a quoted cell; `inside`: whether it begins within one."""
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
        # What stands between the quote and the next delimiter makes the row a bad one, but not here.
        inside, at = False, line.find(delimiter, at + 1) + 1
        if at == 0:
            return False
