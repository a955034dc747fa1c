"""The rows of a file to import, in chunks ready to send: lines of JSON, each with an idempotency key.

A row's key is derived from two things: its content, including a study or organism from the options of the import, and
the number of equal rows before it in the file. So a chunk or the whole file can be sent again without duplicates.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, BinaryIO, NamedTuple, cast

from fairdatabase.policy.tables.fields import Policy
from fairdatabase.policy.tables.reader import load_policy
from fairdatabase.sheets.columns import REQUEST_ID, SAMPLE_FIELDS, Columns, RowRagged, TitlesUnusable, list_titles
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.records import Fault, LineRecords, Record, Records, TableRecords

_ROWS_AT_ONCE = 400
_BYTES_AT_ONCE = 512 * 1024
_READ_AT_ONCE = 64 * 1024


class Format(StrEnum):
    """The format of a file."""

    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"


class FileUnusable(Exception):
    """The file cannot be imported."""


class FileRow(NamedTuple):
    """A row of the file."""

    number: int
    """From 1; the header does not count."""
    line: int
    """The number of its first line, from 1."""
    to_correct: bytes
    """The row as it is in the file, plus its key; empty when the row is too large.

    With its key the corrected row is stored once, and is not mistaken for an equal row that was stored before.
    """
    fault: Fault | None
    """Why the row cannot be sent; None if it can."""
    key_generated: bool
    """Whether the key was derived from the row's content; otherwise the file contains the key."""


@dataclass(slots=True)
class Chunk:
    """Consecutive rows of the file."""

    titles: bytes
    """The header of the file of refused rows; empty for NDJSON."""
    comments: int = 0
    """How many lines of the file so far are comments."""
    notes: list[str] = field(default_factory=list[str])
    """What the rows so far do not show of the file."""
    donors: Sequence[str] = ()
    """The titles of the columns that name the donor; empty for NDJSON."""
    rows: list[FileRow] = field(default_factory=list[FileRow])
    content: bytearray = field(default_factory=bytearray)
    """The lines to send: one for each row without a fault."""

    @property
    def full(self) -> bool:
        """Whether the chunk is large enough to send."""
        return len(self.rows) >= _ROWS_AT_ONCE or len(self.content) >= _BYTES_AT_ONCE


class Keys:
    """Generates the keys of rows."""

    def __init__(self, study: str, organism: str) -> None:
        self._defaults = {"study": study, "organism": organism}
        self._seen = Counter[int]()
        self.organism_given = bool(organism)

    def next(self, row: dict[str, Any] | str) -> str:
        """Return the key of a row, or of the text of an unreadable row. The next equal row gets another key."""
        # A default is part of the key only if the row uses it. An unreadable row might use any of the defaults.
        content = self._filled_in(row) if isinstance(row, dict) else [self._defaults, row]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).digest()
        short = int.from_bytes(digest[:8])
        self._seen[short] += 1
        return f"{digest.hex()}-{self._seen[short]}"

    def _filled_in(self, row: dict[str, Any]) -> dict[str, Any]:
        taken = {name: row.get(name) or value for name, value in self._defaults.items()}
        rest = {name: value for name, value in row.items() if name not in taken}
        return rest | {name: value for name, value in taken.items() if value}


def read_chunks(file: BinaryIO, format: Format, keys: Keys, worksheet: str = "") -> Iterator[Chunk]:
    """Yield the rows of the file in one pass. Raises FileUnusable.

    `worksheet`: the sheet to read of an Excel file, "" for the only one with data.
    """
    if format is Format.NDJSON:
        cutter = LineRecords()
    else:
        cutter = TableRecords("," if format is Format.CSV else "\t", worksheet=worksheet)
    try:
        yield from _read_chunks(file, cutter, keys)
    except BadTable as error:
        raise FileUnusable(str(error)) from None


def _read_chunks(file: BinaryIO, cutter: LineRecords | TableRecords, keys: Keys) -> Iterator[Chunk]:
    """Raises FileUnusable, BadTable."""
    records = _records_of(file, cutter)
    prepare, titles, donors = _prepare_json, b"", list[str]()
    if isinstance(cutter, TableRecords):
        header = next(records, None)
        table = _Table(header, cutter.delimiter.encode(), organism_given=keys.organism_given)
        prepare, titles, donors = table.prepare, table.titles, table.donors
    chunk, number = Chunk(titles, donors=donors), 0
    for number, record in enumerate(records, start=1):
        line, to_correct, key_generated = prepare(record, keys)
        fault = line if isinstance(line, Fault) else None
        chunk.rows.append(FileRow(number, record.line, to_correct, fault, key_generated))
        if not isinstance(line, Fault):
            chunk.content += line + b"\n"
        chunk.comments, chunk.notes = cutter.comments, cutter.notes
        if chunk.full:
            yield chunk
            chunk = Chunk(titles, donors=donors)
    if not number:
        raise FileUnusable("the file contains no rows")
    chunk.comments, chunk.notes = cutter.comments, cutter.notes
    if chunk.rows:
        yield chunk


def _records_of(file: BinaryIO, records: Records) -> Iterator[Record]:
    while data := file.read(_READ_AT_ONCE):
        yield from records.feed(data)
    yield from records.end()


class Prepared(NamedTuple):
    """A row ready to send."""

    line: bytes | Fault
    """A line of JSON, or why the row cannot be sent."""
    to_correct: bytes
    key_generated: bool


class _Table:
    """Turns the rows of a table into lines of JSON."""

    def __init__(self, titles: Record | None, delimiter: bytes, *, organism_given: bool) -> None:
        """Read the header. Raises FileUnusable."""
        if titles is None:
            raise FileUnusable("the file is empty")
        if titles.fault:
            raise FileUnusable(f"header: {titles.fault.value}")
        try:
            self._columns = Columns(titles.cells)
        except TitlesUnusable as error:
            raise FileUnusable(str(error)) from None
        if not organism_given:
            _check_titles(titles.cells)
        self._delimiter = delimiter
        self._key_column = next((index for index, name in self._columns.named if name == "request_id"), None)
        self.donors = [title for title in self._columns.titles if _names_donor(title)]
        self.titles = b"requestId" + delimiter + titles.raw if self._key_column is None else titles.raw

    def prepare(self, record: Record, keys: Keys) -> Prepared:
        """Prepare a row, without its empty cells."""
        row = record.fault or self._row(record.cells)
        own_key = row.pop("requestId", "") if isinstance(row, dict) else ""
        # The key of an unreadable row is derived from its bytes.
        key = own_key or keys.next(row if isinstance(row, dict) else record.raw.decode("latin-1"))
        line = row if isinstance(row, Fault) else json.dumps({"requestId": key, **row}, ensure_ascii=False).encode()
        return Prepared(line, self._with_key(record, key), not own_key)

    def _with_key(self, record: Record, key: str) -> bytes:
        """Return a row as it is in the file, with its key in the key column."""
        if self._key_column is None:
            return record.raw and key.encode() + self._delimiter + record.raw
        if self._key_column >= len(record.cells) or _has_text(record.cells[self._key_column]):
            return record.raw
        cells = [*record.cells]
        cells[self._key_column] = key
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._delimiter.decode(), lineterminator="").writerow(cells)
        return written.getvalue().encode()

    def _row(self, cells: list[str]) -> dict[str, Any] | Fault:
        try:
            named, metadata = self._columns.read(cells)
        except RowRagged:
            return Fault.RAGGED
        row: dict[str, Any] = {_AS_JSON[name]: value for name, value in named.items()}
        if metadata:
            row["metadata"] = metadata
        return row if row.keys() - {"requestId"} else Fault.EMPTY


@cache
def default_policy() -> Policy:
    """Return the policy with which this client was installed. The platform may use a newer one."""
    return load_policy()


def _names_donor(title: str) -> bool:
    field = default_policy().resolve(title)
    return field is not None and field.action == "subject"


def _check_titles(titles: Sequence[str]) -> None:
    """Raise FileUnusable if no column names the organism, so that no row could be stored."""
    policy = default_policy()
    fields = {field.name for title in titles if (field := policy.resolve(title)) is not None}
    if fields.isdisjoint(("organism", "taxon_id")):
        found = f"the columns are: {list_titles(titles)}"
        raise FileUnusable(f"header: no column names the organism; {found}. --organism NAME sets it for all rows")


_AS_JSON = {field: name for name, field in (SAMPLE_FIELDS | REQUEST_ID).items() if "_" not in name}


def _has_text(cell: str) -> bool:
    return bool(cell) and not cell.isspace()


def _prepare_json(record: Record, keys: Keys) -> Prepared:
    """Add a key to a line of JSON. A line that is not an object is sent unchanged: the platform explains the error."""
    if record.fault:
        return Prepared(record.fault, record.raw, False)
    try:
        parsed: Any = json.loads(record.cells[0])
        row = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None
        if row is None or not REQUEST_ID.keys().isdisjoint(row):
            return Prepared(record.raw, record.raw, False)
        key = keys.next(row)
    except (ValueError, RecursionError):
        return Prepared(record.raw, record.raw, False)
    # Insert the key as text. A row that was serialised again could differ from what the file contains.
    _, rest = record.raw.split(b"{", 1)
    line = b'{"requestId": "%s"%s%s' % (key.encode(), b", " if row else b"", rest)
    return Prepared(line, line, True)
