"""Finds the first fault of a file that could not be read, and describes it by line, column and remedy."""

import csv
import io

from fairdatabase.sheets.dialect import BOM, MOST_BYTES, cells_of
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.formats import other_format
from fairdatabase.sheets.header import find_header, fitted, is_comment_cell


def first_fault(content: bytes, delimiter: str) -> BadTable | None:
    """Return the first fault of a file of text, or None if the file is valid.

    Slower than reading, because it looks at each line separately. Call it when reading has failed.
    """
    content = content.removeprefix(BOM)
    return fault_in_bytes(content, delimiter) or _fault_in_rows(content.decode(), delimiter)


def fault_in_bytes(content: bytes, delimiter: str) -> BadTable | None:
    """Return the first place where bytes without a BOM are not UTF-8 text, or None if all are."""
    if fault := other_format(content):
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
    titles: list[str] | None = None
    leading: list[list[str]] = []
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
            is_single = titles is not None and len(titles) == 1
            hint = ': in a table of one column, write a missing value as ""' if is_single else ""
            return BadTable(f"the line is empty{hint}", line=empty, column=1)
        if not row:
            empty = empty or line
        elif is_comment_cell(row[0]):
            leading += [row] if titles is None else []
        else:
            if titles is None:
                header = find_header(leading, row)
                titles = row if header is None else leading[header]
            if fitted(row, titles) is None:
                width = len(titles)
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
