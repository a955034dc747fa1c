"""The dialect of all table files: byte order mark, maximum cell size, quoting and delimiter."""

import codecs
import csv
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

BOM = codecs.BOM_UTF8
MOST_BYTES = 1024 * 1024
"""The size limit of a row of an import, and the limit in characters of any cell."""

# This sets the limit of the csv module for the whole process. Python's default is an eighth of it.
csv.field_size_limit(MOST_BYTES)


def cells_of(lines: Iterable[str], delimiter: str) -> "Reader":
    """Return a reader that yields the cells of each row. It raises csv.Error when quotes are wrong."""
    return csv.reader(lines, delimiter=delimiter, strict=True)


def delimiter_of(lines: Iterable[str], candidates: str = "\t") -> str:
    """Return the delimiter of a header: the first of the candidates that occurs outside quotes, else a comma.

    `lines` start with the header. A quoted title may contain a line break, so the header may take several lines.
    """
    # A quote opens a cell only at the start of the cell.
    quotes = re.compile(rf'(?<![^,{candidates}])"(?:[^"]|"")*("?)')
    header, is_open = "", False
    for line in lines:
        header += line
        if not is_open or '"' in line:
            quoted = list(quotes.finditer(header))
            is_open = bool(quoted) and not quoted[-1][1]
        if not is_open or len(header) > MOST_BYTES:
            break
    outside = quotes.sub("", header)
    return next((candidate for candidate in candidates if candidate in outside), ",")
