"""Splits the file of an import (NDJSON, CSV or TSV) into rows while its bytes arrive."""

from collections.abc import Callable, Iterator
from typing import Protocol

from chassis.errors import InvalidRequest
from fairdatabase.sheets.columns import Columns, TitlesUnusable
from fairdatabase.sheets.records import LineRecords, Record, TableRecords
from fairdatabase.violations import Violation
from gateway.imports.errors import MediaTypeUnsupported, RowUnreadable
from gateway.imports.rows import Item, Titles, read_cells, read_json

_CHARSETS = {"utf-8", "utf8", "us-ascii"}


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
    charsets = {parameter.partition("=")[2].strip('" ') for parameter in parameters if parameter.startswith("charset")}
    if reader is None or not charsets <= _CHARSETS:
        raise MediaTypeUnsupported
    return reader()


class Ndjson:
    """Reads lines of JSON."""

    def __init__(self) -> None:
        self._records = LineRecords()
        self.unfinished = self._records.unfinished

    def feed(self, data: bytes) -> Iterator[Item]:
        return map(_read_line, self._records.feed(data))

    def end(self) -> Iterator[Item]:
        return map(_read_line, self._records.end())


def _read_line(record: Record) -> Item:
    return RowUnreadable(record.fault) if record.fault else read_json(record.cells[0], len(record.raw))


class Table:
    """Reads a table with a header."""

    def __init__(self, delimiter: str) -> None:
        self._records = TableRecords(delimiter)
        self._columns: Columns | None = None
        self.unfinished = self._records.unfinished

    def feed(self, data: bytes) -> Iterator[Item]:
        return self._rows(self._records.feed(data))

    def end(self) -> Iterator[Item]:
        return self._rows(self._records.end())

    def _rows(self, records: Iterator[Record]) -> Iterator[Item]:
        for record in records:
            if self._columns is None:
                self._columns = _read_titles(record)
                yield Titles([title for _, title in self._columns.metadata])
            elif record.fault:
                yield RowUnreadable(record.fault)
            else:
                yield read_cells(self._columns, record.cells, len(record.raw))


def _read_titles(record: Record) -> Columns:
    try:
        if record.fault:
            raise TitlesUnusable(["cannot be read"])
        return Columns(record.cells)
    except TitlesUnusable as error:
        raise InvalidRequest(violations=[Violation("file", what) for what in error.wrong]) from None


_READERS: dict[str, Callable[[], FileReader]] = {
    "application/x-ndjson": Ndjson,
    "text/csv": lambda: Table(","),
    "text/tab-separated-values": lambda: Table("\t"),
}
