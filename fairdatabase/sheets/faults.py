"""Finds the first fault of a file that could not be read, and describes it by line, column and remedy."""

import csv
import io

from fairdatabase.sheets.dialect import BOM, MOST_BYTES, cells_of, delimiter_of
from fairdatabase.sheets.errors import BadTable

_ZIP = b"PK\x03\x04"


def first_fault(content: bytes) -> BadTable | None:
    """Return the first fault of a file, or None if the file is valid.

    Slower than reading, because it looks at each line separately. Call it when reading has failed.
    """
    content = content.removeprefix(BOM)
    delimiter = delimiter_of(io.TextIOWrapper(io.BytesIO(content), errors="replace", newline=""))
    return fault_in_bytes(content, delimiter) or _fault_in_rows(content.decode(), delimiter)


def fault_in_start(start: bytes) -> BadTable | None:
    """Return the fault if the first bytes of a file show that it is not text, else None."""
    # An .xlsx file is a ZIP archive.
    return BadTable("This is an Excel file: save it as CSV (UTF-8) and use that.") if start[:4] == _ZIP else None


def fault_in_bytes(content: bytes, delimiter: str) -> BadTable | None:
    """Return the first place where bytes without a BOM are not UTF-8 text, or None if all are."""
    if fault := fault_in_start(content):
        return fault
    at = content.find(b"\0")
    if at >= 0:
        return _at_byte(content, at, delimiter, "a NUL byte, so this is not text (save a UTF-16 file as UTF-8)")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return _at_byte(content, error.start, delimiter, "not UTF-8: save the file as UTF-8")
    return None


def fault_in_quotes(error: csv.Error, row: str, line: int, delimiter: str) -> BadTable:
    """Return the fault that csv found in a row that starts on this line."""
    if "limit" in str(error):
        why = f"a cell of more than {MOST_BYTES} characters (is its closing quote missing?)"
    elif "unexpected end" in str(error):
        why = "a quoted cell is not closed"
    else:
        why = "text follows the closing quote of a cell"
    return BadTable(why, line=line, column=_bad_quote(row, delimiter))


def _at_byte(content: bytes, at: int, delimiter: str, why: str) -> BadTable:
    *before, last = content[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    prefix = last.decode(errors="replace").replace("\0", "")
    try:
        column = len(next(csv.reader([prefix], delimiter=delimiter), list[str]())) or 1
    except csv.Error:
        column = 1
    return BadTable(why, line=len(before) + 1, column=column)


def _fault_in_rows(text: str, delimiter: str) -> BadTable | None:
    lines = list(io.StringIO(text, newline=""))
    reader = cells_of(lines, delimiter)
    width = None
    empty = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            return fault_in_quotes(error, "".join(lines[line - 1 : reader.line_num]), line, delimiter)
        if empty is not None and row:
            hint = ': in a table of one column, write a missing value as ""' if width == 1 else ""
            return BadTable(f"the line is empty{hint}", line=empty, column=1)
        if not row:
            empty = empty or line
        elif width is None:
            width = len(row)
        elif len(row) != width:
            why = f"{len(row)} {'cell' if len(row) == 1 else 'cells'}, but the header has {width}"
            return BadTable(why, line=line, column=min(len(row), width) + 1)


def _bad_quote(row: str, delimiter: str) -> int:
    """Return the number of the cell whose quotes are wrong."""
    column, at = 1, 0
    while at < len(row):
        if row[at] == '"':
            at += 1
            while (end := row.find('"', at)) >= 0 and row[end + 1 : end + 2] == '"':
                at = end + 2
            if end < 0 or row[end + 1 : end + 2] not in (delimiter, "\r", "\n", ""):
                return column
            at = end + 1
        else:
            ends = [found for found in (row.find(mark, at) for mark in (delimiter, "\n")) if found >= 0]
            at = min(ends, default=len(row))
        at, column = at + 1, column + 1
    return column - 1
