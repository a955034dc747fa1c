"""Triggers: words that some patterns require. A text without them need not be searched for those patterns."""

import string

from fairdatabase.policy.text.dates import MONTH_NAMES

# Letters that a pattern takes for ASCII ones when it ignores case.
_LIKE_ASCII = str.maketrans("ſİı", "sii")
_LETTERS_ONLY = bytes(c if chr(c) in string.ascii_lowercase else ord(" ") for c in range(256))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The ending of a day may stick to the month: "3rdmarch".
MONTHS = _words(" ".join(end + name for end in ("", "st", "nd", "rd", "th") for name in MONTH_NAMES.split("|")))
BEFORE_YEARS = _words("nineteen twenty")
DOTS = _words("dot punkt punt point punto ponto")
ROADS = _words("street st avenue ave road rd lane ln boulevard blvd")
STREETS = _words("rue chemin calle avenida rua viale piazza")
LETTERS = _words(" ".join(string.ascii_lowercase))
_TRIGGERS = MONTHS | BEFORE_YEARS | DOTS | ROADS | STREETS | LETTERS


def lower(text: str) -> str:
    """Return text in lower case, with ASCII letters for those that a pattern takes for them when it ignores case."""
    return text.lower() if text.isascii() else text.translate(_LIKE_ASCII).lower()


def triggers_in(text: str) -> frozenset[str]:
    """Return the triggers that a text holds as words: any character but an ASCII letter ends a word."""
    return _TRIGGERS.intersection(lower(text).encode("ascii", "replace").translate(_LETTERS_ONLY).decode().split())
