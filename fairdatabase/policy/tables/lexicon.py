"""Lexicon: tells ordinary words of European languages from names of people and places.

`make setup` builds its file from the dictionaries of simplemma and the name lists of Faker, see
deploy/local/lexicon.py. The file holds hashes instead of words, and every process maps the same pages of it. About one
unlisted word in 500 shares its hash with a listed one.
"""

import mmap
import sys
from bisect import bisect_left
from collections.abc import Mapping
from enum import IntFlag
from pathlib import Path
from zlib import crc32

FILE = Path(sys.prefix) / "share" / "fairdatabase" / "lexicon.bin"
# The first part of the file: one bit for each value of the lowest bits of a hash, set if a name has it. Most words of a
# text are no names, and this tells so without a search.
FILTER_BITS = 1 << 22
_FILTER_BYTES = FILTER_BITS // 8
_ENTRY_BYTES = 5


class Listed(IntFlag):
    """What the lists say about a word. A word may be several of these: "rose", "Baker"."""

    ORDINARY = 1
    """An ordinary word, or a German noun."""
    PROPER = 2
    """Written with a capital in a language that capitalises only proper names."""
    GIVEN = 4
    SURNAME = 8


NAME = Listed.GIVEN | Listed.SURNAME
_GIVEN_OR_SURNAME = int(NAME)


class LexiconMissing(Exception):
    """The lexicon is missing: run `make setup`."""


def hash_of(word: str) -> int:
    """Return the hash of a folded word in lower case."""
    return crc32(word.encode())


def encode(listed: Mapping[int, int]) -> bytes:
    """Return the content of the file for these flags by hash."""
    hashes = sorted(listed)
    names = bytearray(_FILTER_BYTES)
    for number in hashes:
        if listed[number] & _GIVEN_OR_SURNAME:
            bit = number % FILTER_BITS
            names[bit >> 3] |= 1 << (bit & 7)
    numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in hashes)
    return bytes(names) + numbers + bytes(listed[number] for number in hashes)


class Lexicon:
    """Looks up folded words in lower case. Opens its file at the first look-up."""

    def __init__(self, path: Path = FILE) -> None:
        self._path = path
        self._hashes: memoryview | None = None
        self._names = self._flags = memoryview(b"")

    def flags(self, word: str) -> int:
        """Return the `Listed` flags of a word, 0 if no list contains it. Raises LexiconMissing."""
        hashes = self._open() if self._hashes is None else self._hashes
        number = crc32(word.encode())
        at = bisect_left(hashes, number)
        return self._flags[at] if at < len(hashes) and hashes[at] == number else 0

    def name_flags(self, word: str) -> int:
        """Return the flags of a word that is a given name or a surname, else 0. Raises LexiconMissing."""
        if self._hashes is None:
            self._open()
        bit = crc32(word.encode()) % FILTER_BITS
        if not self._names[bit >> 3] >> (bit & 7) & 1:
            return 0
        found = self.flags(word)
        return found if found & _GIVEN_OR_SURNAME else 0

    def _open(self) -> memoryview:
        try:
            with self._path.open("rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise LexiconMissing(f"{self._path} is missing: run `make setup`") from error
        count = (len(content) - _FILTER_BYTES) // _ENTRY_BYTES
        end = _FILTER_BYTES + 4 * count
        self._names, self._flags = content[:_FILTER_BYTES], content[end:]
        self._hashes = content[_FILTER_BYTES:end].cast("I")
        return self._hashes
