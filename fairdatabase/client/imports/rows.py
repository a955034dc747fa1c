"""Rows of a file that is to be imported, in chunks ready to be sent: lines of JSON, each with a key of its own.

A row's key is made of its content, with the study and the organism that it takes from the import where it names none,
and of how many equal rows came before it in the file. So a chunk, or the whole file, can be sent again and nothing is
stored twice; no chunk needs to know another.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO, NamedTuple

from fairdatabase.sheets.columns import REQUEST_ID, SAMPLE_FIELDS, Columns, TitlesUnusable
from fairdatabase.sheets.records import Fault, LineRecords, Record, Records, TableRecords

_ROWS_AT_ONCE = 400
_BYTES_AT_ONCE = 512 * 1024
_READ_AT_ONCE = 64 * 1024


class Format(StrEnum):
    """What a file is."""

    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"


class FileUnusable(Exception):
    """The file is none that can be imported."""


class FileRow(NamedTuple):
    """A row of the file."""

    number: int
    """From 1; the title line does not count."""
    line: int
    """The line of the file that it begins with, from 1."""
    to_mend: bytes
    """As it stands in the file, with its key: so what it becomes is stored once, and is not taken for an equal row that
    was stored before. Empty when the row is too large."""
    fault: Fault | None
    """Why it cannot be sent."""
    key_made: bool
    """Whether its key was made of its content; else the file has it."""


@dataclass(slots=True)
class Chunk:
    """Some rows of the file, in order."""

    titles: bytes
    """The title line of rows that are to be mended; empty where the file has none."""
    rows: list[FileRow] = field(default_factory=list[FileRow])
    content: bytearray = field(default_factory=bytearray)
    """Of the rows without a fault, a line each."""

    @property
    def full(self) -> bool:
        """Whether it is enough to be sent."""
        return len(self.rows) >= _ROWS_AT_ONCE or len(self.content) >= _BYTES_AT_ONCE


class Keys:
    """Gives rows their keys."""

    def __init__(self, study: str, organism: str) -> None:
        self._of_all = {"study": study, "organism": organism}
        self._seen = Counter[int]()
        self.organism_given = bool(organism)

    def next(self, row: dict[str, Any] | str) -> str:
        """Return the key of a row, or of the text of one that cannot be read; the next equal one gets another."""
        # What the import says for all rows counts where a row takes it: elsewhere it changes nothing that is stored. Of
        # a row that cannot be read nobody knows what it would take.
        content = self._filled_in(row) if isinstance(row, dict) else [self._of_all, row]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).digest()
        mark = int.from_bytes(digest[:8])
        self._seen[mark] += 1
        return f"{digest.hex()}-{self._seen[mark]}"

    def _filled_in(self, row: dict[str, Any]) -> dict[str, Any]:
        taken = {name: row.get(name) or value for name, value in self._of_all.items()}
        rest = {name: value for name, value in row.items() if name not in taken}
        return rest | {name: value for name, value in taken.items() if value}


def read_chunks(file: BinaryIO, format: Format, keys: Keys) -> Iterator[Chunk]:
    """Yield the file's rows, all in one pass. Raises FileUnusable."""
    records = _records_of(file, _CUTTERS[format]())
    prepare, titles = _prepare_json, b""
    if format is not Format.NDJSON:
        table = _Table(next(records, None), _DELIMITERS[format], organism_given=keys.organism_given)
        prepare, titles = table.prepare, table.titles
    chunk, number = Chunk(titles), 0
    for number, record in enumerate(records, start=1):
        line, to_mend, key_made = prepare(record, keys)
        fault = line if isinstance(line, Fault) else None
        chunk.rows.append(FileRow(number, record.line, to_mend, fault, key_made))
        if not isinstance(line, Fault):
            chunk.content += line + b"\n"
        if chunk.full:
            yield chunk
            chunk = Chunk(titles)
    if not number:
        raise FileUnusable("the file holds no row")
    if chunk.rows:
        yield chunk


_CUTTERS: dict[Format, Callable[[], Records]] = {
    Format.CSV: lambda: TableRecords(","),
    Format.TSV: lambda: TableRecords("\t"),
    Format.NDJSON: LineRecords,
}
_DELIMITERS = {Format.CSV: b",", Format.TSV: b"\t"}


def _records_of(file: BinaryIO, records: Records) -> Iterator[Record]:
    while data := file.read(_READ_AT_ONCE):
        yield from records.feed(data)
    yield from records.end()


class Prepared(NamedTuple):
    """A row made ready."""

    line: bytes | Fault
    """A line of JSON, or why it is none."""
    to_mend: bytes
    key_made: bool


class _Table:
    """Makes lines of JSON of a table's rows."""

    def __init__(self, titles: Record | None, delimiter: bytes, *, organism_given: bool) -> None:
        """Read the title line. Raises FileUnusable."""
        if titles is None:
            raise FileUnusable("the file is empty")
        if titles.fault:
            raise FileUnusable(f"title line: {titles.fault.value}")
        try:
            self._columns = Columns(titles.cells)
        except TitlesUnusable as error:
            raise FileUnusable(str(error)) from None
        _check_titles(self._columns, titles.cells, delimiter.decode(), organism_given)
        self._delimiter = delimiter
        self._of_keys = next((index for index, name in self._columns.named if name == "request_id"), None)
        self.titles = b"requestId" + delimiter + titles.raw if self._of_keys is None else titles.raw

    def prepare(self, record: Record, keys: Keys) -> Prepared:
        """Prepare a row. Empty cells are left out."""
        row = record.fault or self._row(record.cells)
        own_key = row.pop("requestId", "") if isinstance(row, dict) else ""
        # Of what cannot be read the bytes are the content.
        key = own_key or keys.next(row if isinstance(row, dict) else record.raw.decode("latin-1"))
        line = row if isinstance(row, Fault) else json.dumps({"requestId": key, **row}, ensure_ascii=False).encode()
        return Prepared(line, self._with_key(record, key), not own_key)

    def _with_key(self, record: Record, key: str) -> bytes:
        """Return a row as it stands in the file, and its key where that has its column."""
        if self._of_keys is None:
            return record.raw and key.encode() + self._delimiter + record.raw
        if self._of_keys >= len(record.cells) or _holds(record.cells[self._of_keys]):
            return record.raw
        cells = [*record.cells]
        cells[self._of_keys] = key
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._delimiter.decode(), lineterminator="").writerow(cells)
        return written.getvalue().encode()

    def _row(self, cells: list[str]) -> dict[str, Any] | Fault:
        columns = self._columns
        if len(cells) != columns.width:
            return Fault.RAGGED
        row: dict[str, Any] = {_AS_JSON[name]: cells[index] for index, name in columns.named if _holds(cells[index])}
        metadata = {name: cells[index] for index, name in columns.metadata if _holds(cells[index])}
        if metadata:
            row["metadata"] = metadata
        return row if row.keys() - {"requestId"} else Fault.EMPTY


def _check_titles(columns: Columns, titles: Sequence[str], delimiter: str, organism_given: bool) -> None:
    """Raise FileUnusable when no row could be stored, or the cells are separated by something else."""
    if columns.width == 1 and (other := next((mark for mark in _MARKS if mark in titles[0] and mark != delimiter), "")):
        raise FileUnusable(f"title line: one column only, are the cells separated by {_MARKS[other]}?")
    if organism_given or any(name == "organism" for _, name in columns.named):
        return
    near = next((title for _, title in columns.metadata if title.strip("#_ ").casefold() == "organism"), None)
    meant = f" (did you mean {near!r}? Call it 'organism')" if near else ""
    raise FileUnusable(f"title line: there is no column 'organism'{meant}; --organism NAME names that of all rows")


_MARKS = {";": "semicolons, as neither CSV nor TSV has them", "\t": "tabs (--format tsv)", ",": "commas (--format csv)"}
_AS_JSON = {field: name for name, field in (SAMPLE_FIELDS | REQUEST_ID).items() if "_" not in name}


def _holds(cell: str) -> bool:
    return bool(cell) and not cell.isspace()


def _prepare_json(record: Record, keys: Keys) -> Prepared:
    """Put a key into a line of JSON; what is no object goes as it is, for the platform to say so."""
    if record.fault:
        return Prepared(record.fault, record.raw, False)
    try:
        row = json.loads(record.cells[0])
        if not isinstance(row, dict) or not REQUEST_ID.keys().isdisjoint(row):
            return Prepared(record.raw, record.raw, False)
        key = keys.next(row)
    except (ValueError, RecursionError):
        return Prepared(record.raw, record.raw, False)
    # Put in, not written anew: whatever is odd in the line is for the platform to see.
    _, rest = record.raw.split(b"{", 1)
    line = b'{"requestId": "%s"%s%s' % (key.encode(), b", " if row else b"", rest)
    return Prepared(line, line, True)
