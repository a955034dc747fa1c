"""Decodes the bytes of a file as they arrive: unpacks gzip, and converts text to UTF-8 with ordinary line ends.

An Excel file becomes CSV. That needs the whole file, so only a reader that asks for it takes one.
"""

import codecs
import io
import re
import zlib
from collections.abc import Iterable, Iterator

from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.workbook import MOST_PACKED, Worksheet

MOST_BYTES = 1024**3
"""The size limit of an unpacked file."""
_AT_ONCE = 64 * 1024
_SNIFFED = 4
"""How many bytes show the encoding of a file."""
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# The first part of an OpenDocument file contains its media type.
_OPEN_DOCUMENT, _SNIFFED_OF_ZIP = b"application/vnd.oasis.opendocument", 128
_OTHER_FORMATS = {
    _ZIP: "This is an Excel file (.xlsx): import it with `fairdb import FILE`, or save it as CSV (UTF-8) and use that.",
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
_ENCODED_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
# Windows-1252 does not use five bytes, and Western languages never have many accented letters in a row.
_NOT_WESTERN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{4}|[\xc0-\xff]{3}")
_MARKS = (
    (codecs.BOM_UTF8, ""),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LABELLED = re.compile(r"cp125\d|iso8859-\d+|koi8-[ru]|gb18030|gbk|gb2312|big5|shift_jis|cp932|euc_jp|euc_kr|mac-roman")


class Decoder:
    """Decodes one file. Text in UTF-8 with LF or CRLF passes unchanged, without its byte order mark.

    Other encodings: UTF-16 and UTF-32, also without a mark if the text begins with ASCII, and Windows-1252, which
    includes Latin-1. A line ends in LF, CRLF or CR. A row that is not UTF-8 although others are is left to the reader.
    """

    def __init__(self, charset: str = "", worksheet: str | None = None) -> None:
        """Set up. Raises LookupError if the encoding is not known.

        `charset`: what the sender calls the encoding. `worksheet`: the sheet to read of an Excel file, "" for the only
        one with data; None: Excel files are refused.
        """
        self.notes: list[str] = []
        """What the text does not show of the file. Complete after `end`."""
        self._worksheet = worksheet
        self._workbook: io.BytesIO | None = None
        self._unpacker: _Unpacker | None = None
        self._charset = _codec_of(charset)
        self._start: bytes | None = b""
        """The first bytes, until they show the kind of the file."""
        self._text: _Text | None = None
        self._line_ends = _LineEnds()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of some bytes, in pieces of a moderate size. Raises BadTable."""
        if self._start is None:
            yield from self._decode(data)
            return
        self._start += data
        if len(self._start) >= _SNIFFED:
            yield from self._begin()

    def end(self) -> Iterator[bytes]:
        """Yield the rest of the text. Call it after the last bytes. Raises BadTable."""
        if self._start is not None:
            yield from self._begin()
        if self._workbook is not None:
            sheet = Worksheet(self._workbook, self._worksheet or "")
            self.notes += sheet.notes
            yield from sheet.lines()
            return
        if self._worksheet:
            raise BadTable("--sheet names a sheet of an Excel file, but this is not an Excel file")
        if self._unpacker is not None:
            self._unpacker.check_complete()
        if self._text is not None:
            yield from _filled((self._line_ends.feed(self._text.end()), self._line_ends.end()))

    def complete(self) -> bool:
        """Return whether the bytes so far may be the whole file."""
        held = self._start if self._start is not None else self._text.start if self._text is not None else None
        return held in (None, b"") or held.endswith(b"\n") if self._unpacker is None else self._unpacker.complete

    @property
    def converts(self) -> bool:
        """Whether the text so far is not what the bytes are, apart from line ends and a byte order mark."""
        if self._unpacker is not None or self._workbook is not None:
            return True
        return self._text is not None and self._text.converts

    def _begin(self) -> Iterator[bytes]:
        start, self._start = self._start or b"", None
        if start.startswith(_GZIP):
            self._unpacker = _Unpacker()
        yield from self._decode(start)

    def _decode(self, data: bytes) -> Iterator[bytes]:
        for piece in (data,) if self._unpacker is None else self._unpacker.feed(data):
            if self._text is None and self._workbook is None:
                if self._worksheet is not None and is_workbook(piece):
                    self._workbook = io.BytesIO()
                else:
                    self._text = _Text(self._charset)
            if self._text is not None:
                yield from _filled((self._line_ends.feed(self._text.feed(piece)),))
            elif self._workbook is not None and self._workbook.write(piece) and self._workbook.tell() > MOST_PACKED:
                raise BadTable("the Excel file is larger than 100 MB: save the table as CSV (UTF-8) and use that")


def is_gzip(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is packed with gzip."""
    return start.startswith(_GZIP)


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


def _codec_of(charset: str) -> str:
    """Return the codec of a charset, "" to detect it from the bytes. Raises LookupError."""
    if not charset:
        return ""
    name = codecs.lookup(charset).name
    # Bytes show these encodings better than a label, which many programs set wrongly.
    if name in ("utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "iso8859-1"):
        return ""
    if not _LABELLED.fullmatch(name):
        raise LookupError(charset)
    return name


def _filled(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return (piece for piece in pieces if piece)


class _Unpacker:
    """Unpacks gzip, which may consist of several members."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._size = 0
        self.complete = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                # Zeros may follow the last member. Anything else that follows is not part of the file.
                data = data.lstrip(b"\0")
                if not data.startswith(_GZIP[: len(data)]):
                    return
                self._member = zlib.decompressobj(wbits=31)
            try:
                piece = self._member.decompress(data, _AT_ONCE)
            except zlib.error:
                raise BadTable("the gzip data is damaged: pack the file again") from None
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self.complete = self._member.eof
            self._size += len(piece)
            if self._size > MOST_BYTES:
                raise BadTable("the unpacked file is larger than 1 GB: divide it")
            if piece:
                yield piece

    def check_complete(self) -> None:
        """Raise BadTable if the last member is not complete."""
        if not self._member.eof:
            raise BadTable("the gzip data is cut off: pack or send the file again")


class _Text:
    """Converts text to UTF-8."""

    def __init__(self, charset: str) -> None:
        self._decoder = codecs.getincrementaldecoder(charset)() if charset else None
        self._is_utf8 = self._is_western = False
        self.start: bytes | None = b""
        """The first bytes, until they show the encoding."""
        self._rest = b""
        """The end of the bytes so far, if it may be part of a character."""

    @property
    def converts(self) -> bool:
        return self._decoder is not None or self._is_western

    def feed(self, data: bytes) -> bytes:
        if self.start is not None:
            self.start += data
            if len(self.start) < _SNIFFED:
                return b""
            data = self._begin()
        return self._convert(data)

    def end(self) -> bytes:
        data = b"" if self.start is None else self._begin()
        found, rest = self._convert(data), self._rest
        if self._decoder is not None:
            return found + self._converted(b"", final=True)
        self._rest = b""
        return found + (self._converted_west(rest) if rest and not self._is_utf8 else rest)

    def _begin(self) -> bytes:
        start, self.start = self.start or b"", None
        if (other := other_format(start)) is not None:
            raise other
        if self._decoder is None:
            mark, encoding = next(((m, e) for m, e in _MARKS if start.startswith(m)), (b"", _unmarked(start)))
            start = start.removeprefix(mark)
            if encoding:
                self._decoder = codecs.getincrementaldecoder(encoding)()
            else:
                self._is_utf8 = bool(mark)
        return start

    def _convert(self, data: bytes) -> bytes:
        if self._decoder is not None:
            return self._converted(data)
        if self._is_utf8:
            return data
        if self._is_western:
            return self._converted_west(data)
        data = self._rest + data
        self._rest = b""
        if data.isascii():
            return data
        # A character may be divided: decide when its last byte has arrived.
        tail = _divided_character(data)
        if tail:
            data, self._rest = data[: -len(tail)], tail
        others = _NOT_ASCII.findall(_ENCODED_CHARACTER.sub(b"", data))
        encoded = len(_ENCODED_CHARACTER.findall(data))
        if encoded or others:
            self._is_utf8 = encoded >= len(others)
            self._is_western = not self._is_utf8
            rest, self._rest = self._rest, b""
            return data + rest if self._is_utf8 else self._converted_west(data + rest)
        return data

    def _converted(self, data: bytes, *, final: bool = False) -> bytes:
        assert self._decoder is not None
        try:
            return self._decoder.decode(data, final).encode()
        except UnicodeError:
            raise BadTable("the text is damaged: save the file as UTF-8 and use that") from None

    def _converted_west(self, data: bytes) -> bytes:
        if _NOT_WESTERN.search(data):
            raise BadTable("the text is neither UTF-8 nor Windows-1252: save the file as UTF-8 and use that")
        return data.decode("cp1252").encode()


def _divided_character(data: bytes) -> bytes:
    """Return the bytes at the end that may begin a character of UTF-8."""
    for length in (1, 2, 3):
        lead = data[-length : -length + 1] if length > 1 else data[-1:]
        if lead and lead[0] >= 0xC2:
            needed = 2 if lead[0] < 0xE0 else 3 if lead[0] < 0xF0 else 4
            return data[-length:] if length < needed else b""
        if lead and lead[0] < 0x80:
            break
    return b""


def _unmarked(start: bytes) -> str:
    """Return the encoding of text that begins with ASCII but without a mark, "" unless it is UTF-16."""
    pairs = start[: len(start) // 2 * 2]
    first, second = pairs[::2], pairs[1::2]
    if first and b"\0" not in first and not any(second):
        return "utf-16-le"
    return "utf-16-be" if first and b"\0" not in second and not any(first) else ""


class _LineEnds:
    """Replaces CR by LF in text whose first line ends in CR alone."""

    def __init__(self) -> None:
        self._are_cr: bool | None = None
        self._held = b""

    def feed(self, text: bytes) -> bytes:
        if self._are_cr is None:
            text = self._held + text
            self._held = b""
            ends = [at for at in (text.find(b"\n"), text.find(b"\r")) if at >= 0]
            if not ends:
                return text
            at = min(ends)
            if text[at : at + 2] == b"\r":
                # The next byte decides.
                self._held = text[at:]
                return text[:at]
            self._are_cr = text[at : at + 1] == b"\r" and text[at + 1 : at + 2] != b"\n"
        return text.replace(b"\r", b"\n") if self._are_cr else text

    def end(self) -> bytes:
        held, self._held = self._held, b""
        return held.replace(b"\r", b"\n")
