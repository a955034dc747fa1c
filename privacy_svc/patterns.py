"""Patterns: what identifies somebody by its form alone: contacts, dates, numbers of cards and accounts, names."""

import re
import unicodedata
from functools import cache
from typing import NamedTuple

from privacy_svc.dates import MONTH_NAMES
from privacy_svc.traces import decode, erase_traces, holds_trace
from privacy_svc.vocabulary import Vocabulary

REDACTED = "[redacted]"

_INITIALS_OF_MONTHS = "".join(sorted({name[0] for name in MONTH_NAMES.split("|")}))
_YEAR = r"(?:1[89]|20)\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_GAP = r"[\s,./_-]{0,3}"
_DATES = (
    rf"(?<!\w)(?:{_ORDINAL}\.?{_GAP}(?:of )?)?(?:{MONTH_NAMES})"
    rf"\.?{_GAP}(?:{_ORDINAL}[\s,./-]{{1,3}})?(?:{_YEAR}|'?\d\d)(?!\d)",
    rf"(?<![^\W_])(?:{MONTH_NAMES})\.? {_ORDINAL}(?!\w)",
)
_DATES_IN_FIGURES = (
    rf"(?<!\d){_YEAR}(?:[-/._:]{_MONTH}(?:[-/._:]\d{{1,2}})?| {_MONTH} \d{{1,2}}|\. {_MONTH}\. \d{{1,2}}\.?)(?!\d)",
    r"(?<![\d.])(?:0[1-9]|[12]\d|3[01])\. ?(?:0[1-9]|1[0-2])\. ?\d\d(?![\d.])",
    rf"(?<![\w.])\d{{1,2}}[. -]{{1,2}}[IVX]{{1,4}}[. -]{{1,2}}(?:{_YEAR}|\d\d)(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[-/_]\d{{1,2}}[-/_](?:{_YEAR}|\d\d)(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[. ] ?\d{{1,2}}[. ] ?{_YEAR}(?!\d)",
    rf"(?<![\w/])(?:0[1-9]|1[0-2])[/-]{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01]){_YEAR}(?!\d)",
)
_DATES_IN_CHINESE = r"\d{2,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?"
_DAY_AND_MONTH = rf"(?<!\w){_ORDINAL}\.?{_GAP}(?:of )?(?:{MONTH_NAMES})(?![^\W\d_])"
_CONTACTS = (
    r"[\w.+%-]{1,64}(?:@| @ |\s?[(\[{]\s?at\s?[)\]}]\s?)[\w-]+(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[\w-]+)*",
    r"[\w.+%-]{1,64} at [\w-]+ dot \w+",
    r"[\w.+%-]{1,64} at [\w-]{1,63}(?:\.[a-z]{2,20})+(?!\w)",
    r"@\w{2,}",
    r"(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|io|eu|de|nl|be|uk|fr|ch|at|it|es|us|ca|au)(?!\w)(?:/\S*)?",
    r"(?:https?|ftp)://\S+|www\.\S+",
)
_PHONE = r"\+\d[\d\s().\-/]{5,}\d"
_CONTACTS_IN_FIGURES = (
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
    r"(?<![\w.])\(?0\d{1,5}\)?[\s\-/.]?\d[\d\s\-/.]{3,}\d(?!\w)",
    r"(?<![\w.])\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]\d{4}(?!\d)",
    r"(?<![\w.])\d{3}[.-]\d{4}(?![\d.])",
    r"(?<![\w.,])\d\d(?: \d\d){3,}(?![\w.,])",
    r"(?<!\d)\d{3}[- ]\d{2}[- ]\d{4}(?!\d)",
    r"(?<!\d)\d{6,8}[-+A]\d{3,4}[A-Z0-9]?(?!\w)",
    r"(?<![\w.,:])\d(?:[ -]?\d){8,}(?![\w]|[.,]\d)",
    # "756.1234.5678.97", "85.07.30-033.28": nine figures or more in three groups or more.
    r"(?<![\w.,:])(?=(?:\d[.-]? ?){9})\d{1,6}(?:[.-] ?\d{1,6}){2,}(?!\w)",
    # Two halves of a number, but not two years.
    r"(?<![\w.,])(?!(?:19|20)\d\d[ -](?:19|20)\d\d)\d{4}[ -]\d{4}(?![\w.,])",
)
_NUMBERS = (
    r"(?<!\w)[A-Z]{2}\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)",
    r"(?<!\w)(?:[SED]R[RSXPZ]|SAM(?:N|EA|D|EG)|GSM)\d{4,}(?!\w)",
)
# In free text only: where somebody lives ("5 Main St", "12 rue de la Paix", "Hauptstrasse 5"), initials ("J.D."), a
# word of capitals and figures such as a passport's number, shorter bare numbers, and what follows a word that announces
# a number or a name.
_IN_TEXT_IN_FIGURES = (
    r"(?<![\w.,])\d{1,5}[a-z]?,? (?:[\w'.-]{1,30} ){1,2}"
    r"(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd)(?!\w)",
    r"(?<![\w.,:])\d{7,8}(?![\w]|[.,]\d)",
)
_IN_TEXT_WITH_FIGURES = (
    r"(?<!\w)(?=[^\W\d_]{5,40}\.? ?\d)"
    r"[^\W\d_]{2,30}(?:strasse|str\.|gasse|weg|platz|allee|straat|laan|gracht) ?\d{1,4}[a-z]?(?!\w)",
    r"(?<!\w)(?-i:(?=\d{0,15}[A-Z])(?=(?:[A-Z]{0,6}\d){6})[A-Z0-9]{7,20})(?!\w)",
)
_AFTER_HASH = r"(?<=#)\d{3,}"
# "tel.612345678", "mrn:1234567"; behind other capitals stands the id of an ontology, behind a figure a fraction.
_AFTER_ABBREVIATION = r"(?:(?-i:(?<=[a-z][.:]))|(?<=mrn:)|(?<=ssn:)|(?<=tel[.:]))\d{7,}"
_IN_TEXT_ONLY = (
    r"(?<!\w)(?:\d{1,4},? )?(?:rue|chemin|calle|avenida|rua|viale|piazza) (?:[\w'-]{1,30}(?: |(?!\w))){1,4}\d{0,4}",
    r"(?<![\w.])(?-i:[A-Z]\.(?:[A-Z](?!\w)\.?|(?:[ -]?[A-Z]\.)+))",
    r"(?<= )(?:(?<=mrn )|(?<=mrn: )|(?<=ssn )|(?<=dr )|(?<=dr\. )|(?<=mr )|(?<=mrs )|(?<=ms\. ))\w+",
)


# What the patterns in figures begin with, each in its own words; asked once, it saves trying them one by one.
_FIRST_FIGURE = r"(?<!\d)(?=[\d(])"


def _joined(*patterns: str, begin: str = "") -> str:
    joined = "|".join(patterns)
    return rf"{begin}(?:{joined})" if begin else joined


class _Signs(NamedTuple):
    """What a text has to have for some of the patterns to match; without it they are not even tried."""

    figures: bool
    months: bool
    contacts: bool
    rare: bool


_FIGURE = re.compile(r"\d")
_MONTHS = tuple({name[:3] for name in MONTH_NAMES.split("|")})
_CONTACT = re.compile(r"@|://|www\.| dot |\.[a-z]|[(\[{]\s?at\s?[)\]}]", re.IGNORECASE)


def _read_signs(text: str) -> _Signs:
    figures, low = _FIGURE.search(text) is not None, text.lower()
    may_have_contact = "." in text or "@" in text or ":" in text or "(" in text or "[" in text or "{" in text
    return _Signs(
        figures,
        # Letters of other scripts may stand for those of a month.
        figures and (not text.isascii() or any(month in low for month in _MONTHS)),
        (may_have_contact or " dot " in low) and _CONTACT.search(text) is not None,
        figures and ("+" in text or "#" in text or "年" in text),
    )


def _of_form(signs: _Signs) -> list[str]:
    """Return the patterns that hold everywhere, as far as a text with these signs can match them."""
    dates = (*_DATES_IN_FIGURES, _DAY_AND_MONTH) if signs.months else _DATES_IN_FIGURES
    patterns = [
        _joined(*_DATES, begin=rf"(?<!\w)(?=[\d{_INITIALS_OF_MONTHS}])") * signs.months,
        _joined(*dates, begin=_FIRST_FIGURE) * signs.figures,
        _DATES_IN_CHINESE * signs.rare,
        _joined(*_CONTACTS) * signs.contacts,
        _joined(*_CONTACTS_IN_FIGURES, begin=_FIRST_FIGURE) * signs.figures,
        _PHONE * signs.rare,
        _joined(*_NUMBERS, begin=r"(?<!\w)(?=[A-Z])") * signs.figures,
    ]
    return [pattern for pattern in patterns if pattern]


@cache
def _identifying(signs: _Signs) -> re.Pattern[str]:
    return re.compile(_joined(*_of_form(signs)), re.IGNORECASE)


@cache
def _in_text(signs: _Signs) -> re.Pattern[str]:
    at_word = (*_IN_TEXT_WITH_FIGURES, *_IN_TEXT_ONLY) if signs.figures else _IN_TEXT_ONLY
    patterns = [
        *_of_form(signs),
        _joined(*_IN_TEXT_IN_FIGURES, begin=_FIRST_FIGURE) * signs.figures,
        _joined(*at_word, begin=r"(?<!\w)(?=\w)"),
        _AFTER_HASH * signs.rare,
        _AFTER_ABBREVIATION * signs.figures,
    ]
    return re.compile(_joined(*filter(None, patterns)), re.IGNORECASE)


# "Jane", "McDonald", "O'Brien", "QUARTZFEATHER" begin with a capital and may be names.
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_](?:['’]?[^\W\d_])+")
# In other scripts a vowel is a mark, and one character may be a whole name.
_MARKS = "".join(
    chr(code)
    for codes in (range(0x300, 0x1D00), range(0x302A, 0x309B), range(0xA66F, 0xABF0), range(0x11000, 0x11FFF))
    for code in codes
    if unicodedata.category(chr(code)).startswith("M")
)
_WORD_OF_ANY_SCRIPT = re.compile(rf"[^\W\d_](?:['’]?[^\W\d_]|[{_MARKS}])*")
# What is left of a word of which a part is redacted.
_TOKEN = re.compile(rf"\w*{re.escape(REDACTED)}(?:\w|{re.escape(REDACTED)})*=*")
_REPEATED = re.compile(rf"{re.escape(REDACTED)}(?:[\s,]*{re.escape(REDACTED)})+")
# Beside a redacted name: up to three further capitalised words or initials, and in front of it the number of a house.
_CAPITALISED = r"[A-ZÀ-ÖØ-ÞΑ-ΩЀ-Я][^\W\d_]*(?:['’-][^\W\d_]+)*\.?"
_BESIDE = re.compile(
    rf"(?<={re.escape(REDACTED)})(?:[ ,]{{1,2}}{_CAPITALISED}(?!\w)){{1,3}}"
    rf"|(?<![\w.,'’-])(?:(?:{_CAPITALISED}|\d{{1,5}}[A-Za-z]?)[ ,]{{1,2}}){{1,3}}(?={re.escape(REDACTED)})"
)
_BESIDE_WORD = re.compile(r"[\w'’-]+\.?")


def is_identifying(text: str) -> bool:
    """Tell whether a clean text holds a contact, a date or the number of a card or account."""
    signs = _read_signs(text)
    return any(signs) and _identifying(signs).search(text) is not None


def is_telling(text: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a clean text holds anything that free text would lose by its form: an address, a code, initials."""
    return decode(text) != text or _in_text(_read_signs(text)).search(text) is not None or holds_trace(text, vocabulary)


def redact_patterns(text: str, vocabulary: Vocabulary) -> str:
    """Return clean text without contacts, dates, numbers, addresses, and capitalised words that are not known ones."""
    text = erase_traces(text, vocabulary, REDACTED)
    text = _in_text(_read_signs(text)).sub(REDACTED, text)
    word = _WORD if text.isascii() else _WORD_OF_ANY_SCRIPT
    text = word.sub(lambda match: match[0] if _is_harmless(match[0], vocabulary) else REDACTED, text)
    if REDACTED in text:
        text = _TOKEN.sub(REDACTED, text)
        text = _BESIDE.sub(lambda match: _redact_names(match[0], vocabulary), text)
    return _REPEATED.sub(REDACTED, text)


def _is_harmless(word: str, vocabulary: Vocabulary) -> bool:
    # A script other than Latin gives no sign of a name, or another one, so there every word must be known.
    if not word.isascii():
        return vocabulary.knows(word.lower())
    return word.islower() or len(word) == 1 or vocabulary.knows(word) or vocabulary.figures.knows(word.lower())


def _redact_names(words: str, vocabulary: Vocabulary) -> str:
    """Return words that stand beside a name without those that may belong to it, however ordinary."""

    def stays(word: str) -> bool:
        word = word.rstrip(".").lower()
        return vocabulary.knows(word) and word not in vocabulary.people

    return _BESIDE_WORD.sub(lambda match: match[0] if stays(match[0]) else REDACTED, words)
