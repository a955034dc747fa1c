"""Decodes the bytes of a file as they arrive: unpacks gzip, and converts text to UTF-8 with ordinary line ends.

An Excel file becomes CSV. That needs the whole file, so only a reader that asks for it takes one.
"""

import io
import zlib
from collections.abc import Iterable, Iterator

from fairdatabase.sheets.encodings import LineEnds, Text, codec_of
from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.formats import GZIP, SNIFFED, is_workbook
from fairdatabase.sheets.workbook import MOST_PACKED, Worksheet

MOST_BYTES = 1024**3
"""The size limit of an unpacked file."""
_AT_ONCE = 64 * 1024


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
        self._charset = codec_of(charset)
        self._start: bytes | None = b""
        """The first bytes, until they show the kind of the file."""
        self._text: Text | None = None
        self._line_ends = LineEnds()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text of some bytes, in pieces of a moderate size. Raises BadTable."""
        if self._start is None:
            yield from self._decode(data)
            return
        self._start += data
        if len(self._start) >= SNIFFED:
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
        if start.startswith(GZIP):
            self._unpacker = _Unpacker()
        yield from self._decode(start)

    def _decode(self, data: bytes) -> Iterator[bytes]:
        for piece in (data,) if self._unpacker is None else self._unpacker.feed(data):
            if self._text is None and self._workbook is None:
                if self._worksheet is not None and is_workbook(piece):
                    self._workbook = io.BytesIO()
                else:
                    self._text = Text(self._charset)
            if self._text is not None:
                yield from _filled((self._line_ends.feed(self._text.feed(piece)),))
            elif self._workbook is not None and self._workbook.write(piece) and self._workbook.tell() > MOST_PACKED:
                raise BadTable("the Excel file is larger than 100 MB: save the table as CSV (UTF-8) and use that")


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
                if not data.startswith(GZIP[: len(data)]):
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
