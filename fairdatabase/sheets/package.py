"""Checks the package of an Excel file, before a library reads it: a ZIP archive of XML, which may be made to do harm.

After the check, reading the package needs a bounded amount of memory: its parts are small enough, contain no entities
and no references to cells beyond a sheet, and no row has more elements than a wide table needs.
"""

import re
import zlib
from typing import BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from fairdatabase.sheets.errors import BadTable

MOST_UNPACKED = 512 * 1024**2
"""The size limit of the unpacked parts, in bytes."""
_MOST_PARTS = 10_000
_MOST_ELEMENTS = 2_000_000
"""The maximum number of XML elements in one row, and of those outside all rows."""
_MOST_TEXTS = 3_000_000
"""The maximum number of shared strings, which the library holds all at once."""
_MOST_AT_A_TIME = 32 * 1024**2
"""The maximum size of a row, a text, and what stands outside of them, in bytes: the library holds it several times."""
_AT_ONCE = 64 * 1024
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ROW, _TEXT, _CELL, _FORMULA, _VALUE = (f"{_MAIN} {name}" for name in ("row", "si", "c", "f", "v"))
_STRICT = "http://purl.oclc.org/ooxml/"
_REFERENCE = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
_ENCODINGS = (None, "utf-8", "us-ascii")
_AS_CSV = "save the table as CSV (UTF-8) and use that"
_ENCODED = f"the Excel file is not encoded as UTF-8: save it again, or {_AS_CSV}"
DAMAGED = f"the Excel file is damaged or cut off: save it again, or {_AS_CSV}"
_OTHER_PARTS = (
    (re.compile(r"content\.xml"), f"This is an OpenDocument file (.ods): save it as .xlsx, or {_AS_CSV}."),
    (re.compile(r"Index/.*|index\.xml|.*\.iwa"), f"This is a Numbers file: export it as .xlsx, or {_AS_CSV}."),
    (re.compile(r"xl/workbook\.bin"), f"This is a binary Excel file (.xlsb): save it as .xlsx, or {_AS_CSV}."),
    (re.compile(r"(?:word|ppt)/.*"), f"This is a text document or presentation: {_AS_CSV}."),
    (
        re.compile(r".*vbaProject\.bin", re.IGNORECASE),
        "This Excel file contains macros: save it as .xlsx without them.",
    ),
    (
        re.compile(r"xl/externalLinks/.*", re.IGNORECASE),
        f"This Excel file takes values from other files: break these links (Data, Edit Links), or {_AS_CSV}.",
    ),
)


def check_package(file: BinaryIO) -> dict[str, int]:
    """Return the number of formulas without a stored result in each part that has any. Raises BadTable."""
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
            _check_directory(parts)
            found: dict[str, int] = {}
            read = 0
            for part in parts:
                check = _Part(most=MOST_UNPACKED - read, named_xml=_is_xml(part))
                with archive.open(part) as content:
                    while check.feed(data := content.read(_AT_ONCE)) and data:
                        pass
                read += check.size
                if check.formulas_without_result:
                    found[part.filename] = check.formulas_without_result
            return found
    except (BadZipFile, zlib.error, expat.ExpatError, EOFError, NotImplementedError, OSError, ValueError):
        raise BadTable(DAMAGED) from None


def _check_directory(parts: list[ZipInfo]) -> None:
    """Raise BadTable if the package is not a workbook, or if its directory declares sizes above the limits."""
    names = [part.filename for part in parts]
    for pattern, why in _OTHER_PARTS:
        if any(map(pattern.fullmatch, names)):
            raise BadTable(why)
    if "[Content_Types].xml" not in names:
        raise BadTable("This is a ZIP archive: unpack it and use the table in it.")
    if any(part.flag_bits & 1 for part in parts):
        raise BadTable("This Excel file is encrypted: save it without a password.")
    if len(parts) > _MOST_PARTS or any(part.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for part in parts):
        raise BadTable(DAMAGED)
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise too_large()


def too_large() -> BadTable:
    """Return the error for a workbook that is larger than the limits."""
    return BadTable(f"the Excel file is too large: divide it, or {_AS_CSV}")


def _is_xml(part: ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels", ".vml"))


class _Part:
    """Parses one part, to find what would exhaust a reader.

    The library finds some parts through references, so neither the name nor the first bytes of a part decide what it
    is.
    """

    def __init__(self, most: int, *, named_xml: bool) -> None:
        self.formulas_without_result = self.size = 0
        self._most, self._must_be_xml = most, named_xml
        self._is_wide = False
        self._elements = self._counted_from = self._texts = 0
        self._has_formula = self._has_result = False
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def feed(self, data: bytes) -> bool:
        """Parse the next bytes, or the end if there are none. Return whether the part may be XML."""
        if not self.size:
            if not data:
                return False
            self._is_wide = b"\0" in data[:4]
        self.size += len(data)
        if self.size > self._most:
            raise too_large()
        try:
            self._parser.Parse(data, not data)
            self._count_from(self._parser.CurrentByteIndex if data else self.size, ends=not data)
        except expat.ExpatError:
            if self._must_be_xml:
                raise
            # A picture, for example. The library would not get further either.
            return False
        return True

    def _count_from(self, at: int, *, ends: bool) -> None:
        """Limit what the library holds at a time. It lets go of a row or text where that `ends`."""
        if at - self._counted_from > _MOST_AT_A_TIME:
            raise too_large()
        if ends:
            self._counted_from = at

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self._must_be_xml = True
        if self._is_wide or (encoding is not None and encoding.lower() not in _ENCODINGS):
            raise BadTable(_ENCODED)

    def _doctype(self, *_: object) -> None:
        raise BadTable(f"the Excel file defines its own XML entities, as no program does: {_AS_CSV}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._must_be_xml = True
        if self._is_wide:
            raise BadTable(_ENCODED)
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise too_large()
        if name == _CELL:
            self._has_formula = self._has_result = False
            reference = attributes.get("r")
            if reference is not None and not _REFERENCE.fullmatch(reference):
                raise BadTable(DAMAGED)
        elif name == _FORMULA:
            self._has_formula = True
        elif name == _VALUE and self._has_formula:
            self._parser.CharacterDataHandler = self._result
        elif name.startswith(_STRICT):
            raise BadTable(
                'This Excel file is a "Strict Open XML Spreadsheet": save it as an ordinary "Excel Workbook" (.xlsx).'
            )

    def _result(self, text: str) -> None:
        self._has_result = True

    def _end(self, name: str) -> None:
        if name in (_ROW, _TEXT):
            self._elements = 0
            self._count_from(self._parser.CurrentByteIndex, ends=True)
            self._texts += name == _TEXT
            if self._texts > _MOST_TEXTS:
                raise too_large()
        elif name == _VALUE:
            self._parser.CharacterDataHandler = None
        elif name == _CELL and self._has_formula and not self._has_result:
            self.formulas_without_result += 1
