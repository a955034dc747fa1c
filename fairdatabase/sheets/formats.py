"""The formats of files, told by their first bytes."""

import codecs
import re

from fairdatabase.sheets.errors import BadTable

SNIFFED = 4
"""How many bytes show the format and the encoding of a file."""
GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# The first part of an OpenDocument file contains its media type.
_OPEN_DOCUMENT, _SNIFFED_OF_ZIP = b"application/vnd.oasis.opendocument", 128
_OTHER_FORMATS = {
    _ZIP: "This is an Excel file (.xlsx) or another ZIP archive: import an Excel file with `fairdb import FILE`, or "
    "save its table as CSV (UTF-8); unpack another archive and use the table in it.",
    b"PK\x05\x06": "This is an empty ZIP archive: use the table itself.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel file (.xls), or one with a password: save it as .xlsx without a "
    "password, or as CSV (UTF-8), and use that.",
    b"BZh": "This file is packed with bzip2: unpack it, or pack it with gzip.",
    b"\xfd7zXZ": "This file is packed with xz: unpack it, or pack it with gzip.",
    b"\x28\xb5\x2f\xfd": "This file is packed with zstd: unpack it, or pack it with gzip.",
    b"7z\xbc\xaf": "This is a 7-Zip archive: unpack it and use the table in it.",
    b"%PDF": "This is a PDF file: use a table saved as CSV (UTF-8).",
    b"PAR1": "This is a Parquet file: save the table as CSV (UTF-8) and use that.",
    b"SQLi": "This is an SQLite database: save the table as CSV (UTF-8) and use that.",
    b"RDX": "This is a file of R: write the table with write.csv and use that.",
    b"{\\rtf": "This is a text document (RTF): use a table saved as CSV (UTF-8).",
}
_MARKUP = re.compile(rb"\s*<(?:\?xml|!doctype|html|table|workbook)", re.IGNORECASE)


def is_gzip(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is packed with gzip."""
    return start.startswith(GZIP)


def is_workbook(start: bytes) -> bool:
    """Return whether a file that starts with these bytes may be an Excel file (.xlsx): whether it is a ZIP archive."""
    return start.startswith(_ZIP)


def other_format(start: bytes) -> BadTable | None:
    """Return why a file that starts with these bytes is not text; None if they do not show it."""
    if is_workbook(start) and _OPEN_DOCUMENT in start[:_SNIFFED_OF_ZIP]:
        return BadTable("This is an OpenDocument file (.ods): save it as .xlsx or as CSV (UTF-8) and use that.")
    for mark, why in _OTHER_FORMATS.items():
        if start.startswith(mark):
            return BadTable(why)
    if _MARKUP.match(start.removeprefix(codecs.BOM_UTF8)):
        return BadTable("This is HTML or XML: save the table as .xlsx or as CSV (UTF-8) and use that.")
    return None
