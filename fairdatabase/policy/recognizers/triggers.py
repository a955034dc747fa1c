"""Triggers: words that some patterns require. A text without them need not be searched for those patterns."""

import string
from collections.abc import Iterable

from fairdatabase.policy.text.dates import MONTH_NAMES

# Non-ASCII letters that a case-insensitive regex treats as ASCII letters.
_LIKE_ASCII = str.maketrans("ſİı", "sii")
_LETTERS_ONLY = bytes(c if chr(c) in string.ascii_lowercase else ord(" ") for c in range(256))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The ordinal suffix of a day may be joined to the month: "3rdmarch".
MONTHS = _words(" ".join(end + name for end in ("", "st", "nd", "rd", "th") for name in MONTH_NAMES.split("|")))
BEFORE_YEARS = _words("nineteen twenty")
DOTS = _words("dot punkt punt point punto ponto")
ROADS = _words("street st avenue ave road rd lane ln boulevard blvd")
STREETS = _words("rue chemin calle avenida rua viale piazza")
LETTERS = _words(" ".join(string.ascii_lowercase))
_TRIGGERS = MONTHS | BEFORE_YEARS | DOTS | ROADS | STREETS | LETTERS


class Endings:
    """Endings of words that some patterns require."""

    def __init__(self, endings: Iterable[str]) -> None:
        self._endings = tuple(endings)
        # Comparing the last letters first is much faster than `endswith` with many endings.
        self._length = min(map(len, self._endings))
        self._tails = frozenset(ending[-self._length :] for ending in self._endings)

    def among(self, words: Iterable[str]) -> list[str]:
        """Return the words that have one of the endings."""
        start, tails = -self._length, self._tails
        return [word for word in words if word[start:] in tails and word.endswith(self._endings)]


def lower(text: str) -> str:
    """Return text in lower case, with ASCII for the letters that a case-insensitive regex treats as ASCII."""
    return text.lower() if text.isascii() else text.translate(_LIKE_ASCII).lower()


def triggers_in(text: str) -> frozenset[str]:
    """Return the triggers that occur in a text as words. Any character except an ASCII letter ends a word."""
    return _TRIGGERS.intersection(lower(text).encode("ascii", "replace").translate(_LETTERS_ONLY).decode().split())
