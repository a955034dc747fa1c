"""The encodings of text: converts text to UTF-8 with ordinary line ends, as it arrives."""

import codecs
import re

from fairdatabase.sheets.errors import BadTable
from fairdatabase.sheets.formats import SNIFFED, other_format

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


def codec_of(charset: str) -> str:
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


class Text:
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
            if len(self.start) < SNIFFED:
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
        assert self._decoder is not None  # noqa: S101 - the callers have checked it
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


class LineEnds:
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
