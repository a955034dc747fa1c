"""Files of an import, cut into rows as their bytes come: NDJSON, CSV, TSV. No more of a file is held than one row."""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from chassis.errors import InvalidRequest
from chassis.violations import Violation
from gateway.errors import MediaTypeUnsupported, RowBadlyQuoted, RowNotText, RowTooLarge
from gateway.import_rows import MOST_BYTES, Columns, Item, read_json

_BOM = b"\xef\xbb\xbf"
_MOST_LINES = 100
_MOST_SPAN = 64 * 1024
"""Lines, and bytes, that one row of a table may go over; behind a quote that is not closed this much is read twice."""
_CHARSETS = {"utf-8", "utf8", "us-ascii"}

# It stands for the whole process, whose other tables have no cell so long.
csv.field_size_limit(MOST_BYTES)


class FileReader(Protocol):
    """Reads a file."""

    def feed(self, data: bytes) -> Iterator[Item]:
        """Take some bytes; yield the rows that are whole now. Raises InvalidRequest for a file that is no table."""
        ...

    def unfinished(self) -> bool:
        """Tell whether what came so far ends within a row."""
        ...

    def end(self) -> Iterator[Item]:
        """Yield what was left; there is no more. Raises InvalidRequest."""
        ...


def open_reader(content_type: str) -> FileReader:
    """Return what reads a file of this type. Raises MediaTypeUnsupported."""
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    reader = _READERS.get(media_type)
    charsets = {parameter.partition("=")[2].strip('" ') for parameter in parameters if parameter.startswith("charset")}
    if reader is None or not charsets <= _CHARSETS:
        raise MediaTypeUnsupported
    return reader()


class _Lines:
    """Cuts bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = self._too_long = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Yield the lines that are whole now, without their ends; None for one that is too long."""
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
        return bool(self._rest)

    def end(self) -> Iterator[bytes | None]:
        if self._rest or self._too_long:
            yield self._line(self._rest)

    def _line(self, line: bytes) -> bytes | None:
        too_long, self._too_long = self._too_long or len(line) > MOST_BYTES, False
        return None if too_long else line.removesuffix(b"\r")


class Ndjson:
    """Reads lines of JSON; blank ones do not count."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, data: bytes) -> Iterator[Item]:
        return self._rows(self._lines.feed(data))

    def unfinished(self) -> bool:
        return self._lines.unfinished()

    def end(self) -> Iterator[Item]:
        return self._rows(self._lines.end())

    def _rows(self, lines: Iterator[bytes | None]) -> Iterator[Item]:
        for line in lines:
            if line is None:
                yield RowTooLarge()
            elif line and not line.isspace():
                yield read_json(line)


class Table:
    """Reads a table with a title line, whose cells may be quoted; blank lines do not count.

    A quoted cell may hold line ends. Where its quotes turn out wrong, or never end, the line in which it began is one
    bad row, and the next row begins with the next line: a quote too many costs no other row.
    """

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._mark = delimiter.encode()
        self._lines = _Lines()
        self._columns: Columns | None = None
        self._open: list[bytes] = []
        """Lines of a row whose quoted cell has not ended."""
        self._span = 0

    def feed(self, data: bytes) -> Iterator[Item]:
        for line in self._lines.feed(data):
            yield from self._take(deque([line]))

    def unfinished(self) -> bool:
        return self._lines.unfinished() or bool(self._open)

    def end(self) -> Iterator[Item]:
        for line in self._lines.end():
            yield from self._take(deque([line]))
        while self._open:
            yield from self._give_up_first(todo := deque[bytes | None]())
            yield from self._take(todo)

    def _take(self, todo: deque[bytes | None]) -> Iterator[Item]:
        while todo:
            line = todo.popleft()
            if line is None:
                if self._open:
                    todo.appendleft(None)
                    yield from self._give_up_first(todo)
                else:
                    self._need_columns()
                    yield RowTooLarge()
                continue
            if not self._open and (not line or (line.isspace() and self._mark not in line)):
                continue
            inside = _ends_inside(line, self._mark, bool(self._open))
            self._open.append(line)
            self._span += len(line)
            if not inside:
                yield from self._read_row(todo)
            elif len(self._open) >= _MOST_LINES or (self._span > _MOST_SPAN and len(self._open) > 1):
                yield from self._give_up_first(todo)

    def _read_row(self, todo: deque[bytes | None]) -> Iterator[Item]:
        lines = self._open
        try:
            cells = self._cells(b"\n".join(lines))
        except csv.Error:
            yield from self._give_up_first(todo)
            return
        except UnicodeDecodeError:
            self._need_columns()
            self._open, self._span = [], 0
            yield RowNotText()
            return
        size, self._open, self._span = self._span, [], 0
        if self._columns is None:
            self._columns = Columns(cells)
        else:
            yield self._columns.read(cells, size)

    def _give_up_first(self, todo: deque[bytes | None]) -> Iterator[Item]:
        """Make the first line of the open row a row, a bad one, and the others lines that are still to be read."""
        self._need_columns()
        _, *others = self._open
        todo.extendleft(reversed(others))
        self._open, self._span = [], 0
        yield RowBadlyQuoted()

    def _need_columns(self) -> None:
        if self._columns is None:
            raise InvalidRequest(violations=[Violation("file", "title line: cannot be read")])

    def _cells(self, record: bytes) -> Sequence[str]:
        text = record.decode()
        if '"' not in text:
            return text.split(self._delimiter)
        return next(csv.reader([text], delimiter=self._delimiter, strict=True))


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


_READERS: dict[str, Callable[[], FileReader]] = {
    "application/x-ndjson": Ndjson,
    "text/csv": lambda: Table(","),
    "text/tab-separated-values": lambda: Table("\t"),
}
