"""Signs: words of which one stands in every match of some forms and traces; without them those are not tried."""

import string

from fairdatabase.policy.text.dates import MONTH_NAMES

# What is left of these when case is ignored is an ASCII letter.
_LIKE_ASCII = str.maketrans("ſİı", "sii")
_LETTERS_ONLY = bytes(c if chr(c) in string.ascii_lowercase else ord(" ") for c in range(256))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Behind the figures of a day their ending may stick to the month: "3rdmarch".
MONTHS = _words(" ".join(end + name for end in ("", "st", "nd", "rd", "th") for name in MONTH_NAMES.split("|")))
BEFORE_YEARS = _words("nineteen twenty")
DOTS = _words("dot punkt punt point punto ponto")
ROADS = _words("street st avenue ave road rd lane ln boulevard blvd")
STREETS = _words("rue chemin calle avenida rua viale piazza")
LETTERS = _words(" ".join(string.ascii_lowercase))
_SIGNS = MONTHS | BEFORE_YEARS | DOTS | ROADS | STREETS | LETTERS


def lower(text: str) -> str:
    """Return text in lower case, and as ASCII ones the letters that patterns take for those when case is ignored."""
    return text.lower() if text.isascii() else text.translate(_LIKE_ASCII).lower()


def signs_in(text: str) -> frozenset[str]:
    """Return the signs that a text holds as words, whatever other than ASCII letters stands around them."""
    return _SIGNS.intersection(lower(text).encode("ascii", "replace").translate(_LETTERS_ONLY).decode().split())
