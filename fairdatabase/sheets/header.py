"""The header of a table: which line it is, and by which character it separates the cells.

Lines that begin with "#" are comments and directives: "#q2:types", "#units". One of them may be the header itself:
"#SampleID".
"""

import re
from collections.abc import Sequence

from fairdatabase.sheets.dialect import MOST_BYTES

_DELIMITERS = ",;|"
_SEPARATOR_LINE = re.compile(rb'"?sep=([^\w"\r\n])"?', re.IGNORECASE)
_MOST_LINES = 1000
_COMMENT = re.compile(rb'\s*"?#')
_SPACED = re.compile(r"\s*#+\s")


def is_comment(line: bytes) -> bool:
    """Return whether a line of a table begins with "#"."""
    return _COMMENT.match(line) is not None


def is_comment_cell(cell: str) -> bool:
    """Return whether a row whose first cell is this one is a comment."""
    return cell.lstrip().startswith("#")


def comments_note(count: int) -> str:
    """Return a sentence that says how many lines of a table are comments."""
    return f'{count} {"line begins" if count == 1 else "lines begin"} with "#": passed over as comments.'


def find_header(leading: Sequence[Sequence[str]], first: Sequence[str]) -> int | None:
    """Return which of the rows that begin with "#" is the header; None if it is `first`, the row that follows them.

    The header has as many cells as the row that follows, at least two of them with text. "# " begins a comment.
    """
    for index, cells in enumerate(leading):
        titled = sum(not (not cell or cell.isspace()) for cell in cells)
        if len(cells) == len(first) and titled > 1 and not _SPACED.match(cells[0]):
            return index
    return None


def fitted(row: Sequence[str], titles: Sequence[str]) -> list[str] | None:
    """Return a row with as many cells as the header; None if it does not fit.

    A row may have more cells if these are empty, and lack those of columns at the end that have no title.
    """
    width = len(titles)
    if len(row) >= width:
        return list(row[:width]) if all(not cell or cell.isspace() for cell in row[width:]) else None
    if any(title and not title.isspace() for title in titles[len(row) :]):
        return None
    return [*row, *[""] * (width - len(row))]


def delimiter_of_header(header: str, otherwise: str) -> str | None:
    """Return by which character a header separates its cells; None if a quoted title is not closed.

    A tab, which no title contains; else the most frequent of comma, semicolon and vertical bar outside quotes.
    """
    outside = _without_quoted(header, f"\t{_DELIMITERS}")
    if outside is None:
        return None
    if "\t" in outside:
        return "\t"
    best = max(_DELIMITERS, key=outside.count)
    if outside.count(best):
        return otherwise if outside.count(otherwise) == outside.count(best) else best
    return otherwise


class Start:
    """Collects the first lines of a table until they show the delimiter."""

    def __init__(self, otherwise: str) -> None:
        self.delimiter = otherwise
        self.has_separator_line = False
        """Whether the first line says by which character cells are separated. Such a line is not among `lines`."""
        self.lines: list[tuple[int, bytes | None]] = []
        """The lines to read, each with its number. None: the line is too long."""
        self._otherwise = otherwise
        self._header = b""
        self._size = 0

    def add(self, number: int, line: bytes | None) -> bool:
        """Add a line; return whether the delimiter is known now."""
        # Such a line is an instruction to Excel, not a row.
        if not self.lines and line is not None and (match := _SEPARATOR_LINE.fullmatch(line.strip())):
            self.delimiter, self.has_separator_line = match[1].decode("latin-1"), True
            return False
        self.lines.append((number, line))
        self._size += len(line or b"")
        if line is None or len(self.lines) > _MOST_LINES or self._size > MOST_BYTES:
            return True
        is_header = bool(self._header) or not (not line.strip() or is_comment(line))
        if is_header:
            self._header += line + b"\n"
        # If no other line follows, a comment shows the delimiter.
        text = self._header if is_header else line
        found = delimiter_of_header(text.decode(errors="replace"), self._otherwise)
        if found is not None and not self.has_separator_line:
            self.delimiter = found
        return is_header and found is not None


def _without_quoted(text: str, delimiters: str) -> str | None:
    """Return a text without its quoted cells; None if the last one is not closed."""
    # A quote opens a cell only at the start of the cell.
    quotes = re.compile(rf'(?<![^\n{delimiters}])"(?:[^"]|"")*("?)')
    quoted = list(quotes.finditer(text))
    return None if quoted and not quoted[-1][1] else quotes.sub("", text)
