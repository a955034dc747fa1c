"""The table files below a folder: their kinds, and how a sender would label them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from fairdatabase.sheets.dialect import delimiter_of

_CSV, _TSV = "text/csv", "text/tab-separated-values"
_CONTENT_TYPES = {
    ".csv": _CSV,
    ".tsv": _TSV,
    ".txt": "",
    ".xls": "application/vnd.ms-excel",
    # `fairdb import` reads an Excel file as CSV.
    ".xlsx": _CSV,
}

_FIRST_SHEET = "xl/worksheets/sheet1.xml"


def tables_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the kind and the path of each table, in order. The kind is the name of the folder directly below."""
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).parts
        is_hidden = any(part.startswith(".") for part in below)
        if path.suffix.lower() in _CONTENT_TYPES and path.is_file() and not is_hidden:
            yield below[0] if len(below) > 1 else ".", path


def content_type_of(path: Path) -> str:
    """Return the content type of a table. A header with a tab makes a ".txt" file TSV, any other CSV."""
    if content_type := _CONTENT_TYPES[path.suffix.lower()]:
        return content_type
    with path.open(encoding="latin-1", newline="") as lines:
        return _TSV if delimiter_of(lines) == "\t" else _CSV


def count_rows(path: Path) -> int:
    """Return how many rows a table has below its header, by its lines; 0 if that cannot be known."""
    if path.suffix.lower() == ".xlsx":
        try:
            with zipfile.ZipFile(path) as archive:
                return max(archive.read(_FIRST_SHEET).count(b"<row ") - 1, 0)
        except (zipfile.BadZipFile, KeyError):
            return 0
    # In UTF-16 every other byte of most text is NUL.
    lines = path.read_bytes().replace(b"\0", b"").splitlines()
    return max(sum(not line.isspace() and line != b"" for line in lines) - 1, 0)
