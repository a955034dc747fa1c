"""Places: where in a file that cannot be read the first fault lies."""

import codecs
import csv
import io
import re
from collections.abc import Iterable

from fairdatabase.anonymity.model.errors import BadTable


def delimiter_of(lines: Iterable[str], marks: str = "\t") -> str:
    """Return what separates the fields of a header: the first of `marks` that stands outside quotes, else commas.

    `lines` begin with the header, which goes on where a quoted title holds the end of a line.
    """
    # A quote opens a field only where that begins.
    quotes = re.compile(rf'(?<![^,{marks}])"(?:[^"]|"")*("?)')
    header, is_open = "", False
    for line in lines:
        header += line
        if not is_open or '"' in line:
            quoted = list(quotes.finditer(header))
            is_open = bool(quoted) and not quoted[-1][1]
        if not is_open or len(header) > csv.field_size_limit():
            break
    outside = quotes.sub("", header)
    return next((mark for mark in marks if mark in outside), ",")


def explain(content: bytes) -> BadTable | None:
    """Return the first fault of a file, None if there is none.

    Slower than reading, since every line is looked at by itself; it is called when reading has failed.
    """
    content = content.removeprefix(codecs.BOM_UTF8)
    delimiter = delimiter_of(io.TextIOWrapper(io.BytesIO(content), errors="replace", newline=""))
    found = explain_bytes(content, delimiter)
    return found or _in_lines(content.decode(), delimiter)


def explain_bytes(content: bytes, delimiter: str) -> BadTable | None:
    """Return where bytes, without a BOM, are no text in UTF-8, None if they are."""
    at = content.find(b"\0")
    if at >= 0:
        why = "a NUL byte: this is no text (a file in UTF-16 has to be saved as UTF-8)"
        return _at_byte(content, at, delimiter, why)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return _at_byte(content, error.start, delimiter, "this is not UTF-8: save the file in that encoding")
    return None


def explain_quotes(error: csv.Error, record: str, line: int, delimiter: str) -> BadTable:
    """Return what csv found wrong in a record that begins in this line."""
    return BadTable(_say(error), line=line, column=_bad_quote(record, delimiter))


def _at_byte(content: bytes, at: int, delimiter: str, why: str) -> BadTable:
    *before, last = content[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    prefix = last.decode(errors="replace").replace("\0", "")
    try:
        column = len(next(csv.reader([prefix], delimiter=delimiter), [])) or 1
    except csv.Error:
        column = 1
    return BadTable(why, line=len(before) + 1, column=column)


def _in_lines(text: str, delimiter: str) -> BadTable | None:
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = None
    empty = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return None
        except csv.Error as error:
            record = "".join(lines[line - 1 : reader.line_num])
            return explain_quotes(error, record, line, delimiter)
        if empty is not None and row:
            hint = ': a missing value in a table of one column is written ""' if width == 1 else ""
            return BadTable(f"the line is empty{hint}", line=empty, column=1)
        if not row:
            empty = empty or line
        elif width is None:
            width = len(row)
        elif len(row) != width:
            why = f"{len(row)} {'field' if len(row) == 1 else 'fields'}, but the header has {width}"
            return BadTable(why, line=line, column=min(len(row), width) + 1)


def _say(error: csv.Error) -> str:
    if "limit" in str(error):
        return f"a field of more than {csv.field_size_limit()} characters (is a quote not closed?)"
    if "unexpected end" in str(error):
        return "a quote that is never closed"
    return "a quoted field goes on behind its closing quote"


def _bad_quote(record: str, delimiter: str) -> int:
    """Return the number of the field whose quotes are wrong."""
    column, at = 1, 0
    while at < len(record):
        if record[at] == '"':
            at += 1
            while (end := record.find('"', at)) >= 0 and record[end + 1 : end + 2] == '"':
                at = end + 2
            if end < 0 or record[end + 1 : end + 2] not in (delimiter, "\r", "\n", ""):
                return column
            at = end + 1
        else:
            ends = [found for found in (record.find(mark, at) for mark in (delimiter, "\n")) if found >= 0]
            at = min(ends, default=len(record))
        at, column = at + 1, column + 1
    return column - 1
