"""Patterns: what identifies somebody by its form alone: contacts, dates, numbers of cards and accounts, names."""

import re
from collections.abc import Callable

from privacy_svc.dates import MONTH_NAMES

REDACTED = "[redacted]"

_YEAR = r"(?:1[89]|20)\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_GAP = r"[\s,./_-]{0,3}"
_DATES = (
    rf"(?<!\d){_YEAR}(?:[-/._]{_MONTH}(?:[-/._]\d{{1,2}})?| {_MONTH} \d{{1,2}})(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[-/_]\d{{1,2}}[-/_](?:{_YEAR}|\d\d)(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[. ] ?\d{{1,2}}[. ] ?{_YEAR}(?!\d)",
    rf"(?<![\w/])(?:0[1-9]|1[0-2])[/-]{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01]){_YEAR}(?!\d)",
    rf"(?<!\w)(?:{_ORDINAL}\.?{_GAP}(?:of )?)?(?:{MONTH_NAMES})"
    rf"\.?{_GAP}(?:{_ORDINAL}[\s,./-]{{1,3}})?(?:{_YEAR}|'?\d\d)(?!\d)",
    rf"(?<!\w){_ORDINAL}\.?{_GAP}(?:of )?(?:{MONTH_NAMES})(?![^\W\d_])",
    rf"(?<![^\W_])(?:{MONTH_NAMES})\.? {_ORDINAL}(?!\w)",
)
_CONTACTS = (
    r"[\w.+%-]{1,64}(?:@| @ |\s?[(\[{]\s?at\s?[)\]}]\s?)[\w-]+(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[\w-]+)*",
    r"[\w.+%-]{1,64} at [\w-]+ dot \w+",
    r"@\w{2,}",
    r"(?:https?|ftp)://\S+|www\.\S+",
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
    r"\+\d[\d\s().\-/]{5,}\d",
    r"(?<![\w.])\(?0\d{1,5}\)?[\s\-/.]?\d[\d\s\-/.]{3,}\d(?!\w)",
    r"(?<![\w.])\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]\d{4}(?!\d)",
    r"(?<![\w.])\d{3}[.-]\d{4}(?![\d.])",
)
_NUMBERS = (
    r"(?<!\d)\d{3}[- ]\d{2}[- ]\d{4}(?!\d)",
    r"(?<!\d)\d{6,8}[-+A]\d{3,4}[A-Z0-9]?(?!\w)",
    r"(?<!\w)[A-Z]{2}\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)",
    r"(?<!\w)(?:[SED]R[RSXPZ]|SAM(?:N|EA|D|EG)|GSM)\d{4,}(?!\w)",
    r"(?<![\w.,:])\d(?:[ -]?\d){8,}(?![\w]|[.,]\d)",
)
_IDENTIFYING = re.compile("|".join((*_DATES, *_CONTACTS, *_NUMBERS)), re.IGNORECASE)
# In free text shorter bare numbers go as well, and what follows a word that announces a number or a name.
_IN_TEXT = re.compile(
    rf"{_IDENTIFYING.pattern}|(?<![\w.,:])\d{{7,8}}(?![\w]|[.,]\d)"
    r"|(?<=mrn )\w+|(?<=mrn: )\w+|(?<=ssn )\w+|(?<=dr )\w+|(?<=dr\. )\w+|(?<=mr )\w+|(?<=mrs )\w+|(?<=ms\. )\w+",
    re.IGNORECASE,
)
# "Jane", "McDonald", "O'Brien", "QUARTZFEATHER" begin with a capital and may be names.
_WORD = re.compile(r"(?<![^\W_])[^\W\d_](?:['’]?[^\W\d_])+")
_SHORTEST_IN_CAPITALS = 4
_REPEATED = re.compile(rf"{re.escape(REDACTED)}(?:[\s,]*{re.escape(REDACTED)})+")
_HINTS = re.compile(r"[@\d]|www\.|://|\bat\b", re.IGNORECASE)


def is_identifying(text: str) -> bool:
    """Tell whether a clean text holds a contact, a date or the number of a card or account."""
    return bool(_HINTS.search(text) and _IDENTIFYING.search(text))


def redact_patterns(text: str, knows: Callable[[str], bool]) -> str:
    """Return clean text without contacts, dates, numbers, and capitalised words that are not known ones."""
    text = _IN_TEXT.sub(REDACTED, text)
    text = _WORD.sub(lambda match: match[0] if _is_harmless(match[0], knows) else REDACTED, text)
    return _REPEATED.sub(REDACTED, text)


def _is_harmless(word: str, knows: Callable[[str], bool]) -> bool:
    if not word[0].isupper() or (len(word) < _SHORTEST_IN_CAPITALS and word.isupper()):
        return True
    return knows(word)
