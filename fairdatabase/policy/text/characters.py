"""Characters: reduces text to what a reader sees, so that two ways of writing the same thing compare equal."""

import re
import string
import unicodedata

# "LATIN LETTER SMALL CAPITAL J", "LATIN SMALL LETTER H WITH STROKE".
_LATIN_VARIANT = re.compile(r"LATIN (?:LETTER SMALL CAPITAL|(SMALL|CAPITAL) LETTER) ([A-Z])(?: WITH .*)?")


def _named_after_latin() -> dict[int, str]:
    """Map variants of Latin letters to the plain letter, by their Unicode names. Unicode does not decompose them."""
    found: dict[int, str] = {}
    for code in (*range(0x100, 0x2B0), *range(0x1D00, 0x1DC0), *range(0xA730, 0xA7FF)):
        if match := _LATIN_VARIANT.fullmatch(unicodedata.name(chr(code), "")):
            found[code] = match[2].lower() if match[1] == "SMALL" else match[2]
    return found


# Common letters of other scripts that look like Latin letters. All other letters stay unchanged: the policy does not
# know a field name with such a letter, so the field is dropped.
_LOOK_ALIKES = str.maketrans(
    dict(zip("АВЕЅІЈКМНОРСТХУаеѕіјкорсухԁһԛԝ", "ABESIJKMHOPCTXYaesijkopcyxdhqw", strict=True))
    | dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχε", "ABEZHIKMNOPTYXaiknoptuxe", strict=True))
    | dict(zip("ıłŁøØđĐð‐‑‒–—−’‘ʼ", "ilLoOdDd------'''", strict=True))
    | {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "μ": "u"}
    | _named_after_latin()
)
_RUN = re.compile(r"\d+|[^\d\s]+")
# The same runs in folded ASCII text, without the characters that do not tell donors apart.
_RUN_OF_ASCII = re.compile(r"[0-9]+|[a-z+*]+")
_WHOLE_NUMBER = re.compile(r"0*(\d+?)(?:\.0+)?")
_SEPARATORS = re.compile(r"[\W_]+")
_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_NOT_ALPHANUMERIC = bytes(c for c in range(128) if not chr(c).isalnum())
# Invisible categories: controls, formats (zero width, bidi, soft hyphen), private use, surrogates, unassigned.
_INVISIBLE = frozenset(("Cc", "Cf", "Co", "Cs", "Cn"))
# Invisible marks and letters in other categories.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}


def clean(text: str) -> str:
    """Return the text in NFKC without invisible characters, with single spaces and none at its ends."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(
            c for c in text if c.isspace() or (unicodedata.category(c) not in _INVISIBLE and c not in _BLANK)
        )
    elif not text.isprintable():
        text = "".join(c for c in text if c.isprintable() or c.isspace())
    elif " " not in text:
        return text
    return " ".join(text.split())


def fold(text: str) -> str:
    """Replace look-alikes, accented letters and non-ASCII digits in clean text by ASCII; case is kept."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFD", text.translate(_LOOK_ALIKES))
    return "".join(_digit(c) for c in decomposed if not unicodedata.combining(c))


def squash(text: str) -> str:
    """Return the letters and digits, folded and in lower case: "Jané-Doe 7" gives "janedoe7"."""
    if text.isascii():
        return text.lower() if text.isalnum() else text.encode().translate(_LOWER, _NOT_ALPHANUMERIC).decode()
    return _SEPARATORS.sub("", fold(clean(text))).lower()


def normalise_subject(subject: str) -> str:
    """Return the form of a subject from which keys are derived. It is the same for all spellings of one donor.

    "P001", "p 001" and "P-001" are one donor; so are "7", "007" and "7.0", because spreadsheets rewrite numbers.
    A separator between two numbers counts: "1-12" and "11-2" are two donors, and one consent must not cover both.
    """
    text = clean(subject)
    folded = fold(text).lower()
    if number := _WHOLE_NUMBER.fullmatch(folded):
        return number[1]
    if folded.isascii():
        runs = _RUN_OF_ASCII.findall(folded)
    else:
        runs = _RUN.findall("".join(c if _distinguishes(c) else " " for c in folded))
    joined = ""
    for run in runs:
        joined += f"-{run}" if joined[-1:].isdecimal() and run.isdecimal() else run
    return joined or text


def _distinguishes(character: str) -> bool:
    """Return whether a character tells donors apart: "P1+" and "P1*" may be two donors. A mark may be a vowel."""
    return character.isalnum() or character in "+*" or unicodedata.category(character).startswith("M")


def _digit(character: str) -> str:
    if character.isascii() or not character.isdecimal():
        return character
    return str(unicodedata.decimal(character))
