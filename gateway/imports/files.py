"""Splits the file of an import (NDJSON, CSV or TSV) into rows while its bytes arrive."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from chassis.errors import InvalidRequest
from fairdatabase.sheets.columns import Columns, TitlesUnusable
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.records import LineRecords, Record, TableRecords
from fairdatabase.violations import Violation
from gateway.imports.errors import MediaTypeUnsupported, RowUnreadable
from gateway.imports.rows import Comments, Item, Titles, read_cells, read_json


class FileReader(Protocol):
    """Reads one file."""

    def feed(self, data: bytes) -> Iterator[Item]:
        """Add bytes; yield the rows that are now complete. Raises InvalidRequest if the header is unusable."""
        ...

    def unfinished(self) -> bool:
        """Return whether the bytes so far end in the middle of a row."""
        ...

    def end(self) -> Iterator[Item]:
        """Yield the rows that are left at the end of the file. Raises InvalidRequest."""
        ...


def open_reader(content_type: str) -> FileReader:
    """Return a reader for files of a content type. Raises MediaTypeUnsupported."""
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    reader = _READERS.get(media_type)
    charsets = [parameter.partition("=")[2].strip('" ') for parameter in parameters if parameter.startswith("charset")]
    if reader is None or len(set(charsets)) > 1:
        raise MediaTypeUnsupported
    try:
        return reader("".join(charsets[:1]))
    except LookupError:
        raise MediaTypeUnsupported from None


class Ndjson:
    """Reads lines of JSON."""

    def __init__(self, charset: str) -> None:
        self._records = LineRecords(charset)
        self.unfinished = self._records.unfinished

    def feed(self, data: bytes) -> Iterator[Item]:
        return map(_read_line, _readable(self._records.feed(data)))

    def end(self) -> Iterator[Item]:
        return map(_read_line, _readable(self._records.end()))


def _read_line(record: Record) -> Item:
    return RowUnreadable(record.fault) if record.fault else read_json(record.cells[0], len(record.raw))


class Table:
    """Reads a table with a header."""

    def __init__(self, delimiter: str, charset: str) -> None:
        self._records = TableRecords(delimiter, charset)
        self._columns: Columns | None = None
        self.unfinished = self._records.unfinished

    def feed(self, data: bytes) -> Iterator[Item]:
        return self._rows(_readable(self._records.feed(data)))

    def end(self) -> Iterator[Item]:
        yield from self._rows(_readable(self._records.end()))
        yield Comments(self._records.comments)

    def _rows(self, records: Iterator[Record]) -> Iterator[Item]:
        for record in records:
            if self._columns is None:
                self._columns = _read_titles(record)
                yield Titles(self._columns.names())
            elif record.fault:
                yield RowUnreadable(record.fault)
            else:
                yield read_cells(self._columns, record.cells, len(record.raw))


def _readable(records: Iterator[Record]) -> Iterator[Record]:
    """Yield records. Raises InvalidRequest if the file cannot be read."""
    try:
        yield from records
    except BadTable as error:
        raise InvalidRequest(violations=[Violation("file", str(error))]) from None


def _read_titles(record: Record) -> Columns:
    try:
        if record.fault:
            raise TitlesUnusable([record.fault.value])
        return Columns(record.cells)
    except TitlesUnusable as error:
        raise InvalidRequest(violations=[Violation("file", what) for what in error.wrong]) from None


_READERS: dict[str, Callable[[str], FileReader]] = {
    "application/x-ndjson": Ndjson,
    "text/csv": partial(Table, ","),
    "text/tab-separated-values": partial(Table, "\t"),
}
