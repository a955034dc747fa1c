"""Patterns: regexes for contact details, dates, addresses, and card and account numbers, as people write them."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from fairdatabase.policy.recognizers.triggers import MONTHS, ROADS, STREETS, lower, triggers_in
from fairdatabase.policy.text.dates import MONTH_NAMES

_INITIALS_OF_MONTHS = "".join(sorted({name[0] for name in MONTH_NAMES.split("|")}))
_LONGEST_MONTH = max(map(len, MONTH_NAMES.split("|")))
_YEAR = r"(?:1[89]|20)\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_GAP = r"[\s,./_-]{0,3}"
_DATES = (
    (
        rf"(?<!\w)(?:{_ORDINAL}\.?{_GAP}(?:of |de |den |di |d')?)?(?:{MONTH_NAMES})"
        rf"\.?{_GAP}(?:of |de |del )?(?:{_ORDINAL}[\s,./-]{{1,3}})?(?:{_YEAR}|'?\d\d)(?!\d)"
    ),
    rf"(?<![^\W_])(?:{MONTH_NAMES})\.? {_ORDINAL}(?!\w)",
)
_NUMERIC_DATES = (
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
_DAY_AND_MONTH = rf"(?<!\w){_ORDINAL}\.?{_GAP}(?:of |de |den |di |d')?(?:{MONTH_NAMES})(?![^\W\d_])"
_CONTACTS = (
    r"[\w.+%-]{1,64}(?:@| @ |\s?[(\[{]\s?at\s?[)\]}]\s?)[\w-]+(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[\w-]+)*",
    r"[\w.+%-]{1,64} at [\w-]+ dot \w+",
    r"[\w.+%-]{1,64} at [\w-]{1,63}(?:\.[a-z]{2,20})+(?!\w)",
    r"@\w{2,}",
    r"(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|io|eu|de|nl|be|uk|fr|ch|at|it|es|us|ca|au)(?!\w)(?:/\S*)?",
    r"(?:https?|ftp)://\S+|www\.\S+",
)
_PHONE = r"\+\d[\d\s().\-/]{5,}\d"
_NUMERIC_CONTACTS = (
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
    r"(?<![\w.])\(?0\d{1,5}\)?[\s\-/.]?\d[\d\s\-/.]{3,}\d(?!\w)",
    r"(?<![\w.])\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]\d{4}(?!\d)",
    r"(?<![\w.])\d{3}[.-]\d{4}(?![\d.])",
    r"(?<![\w.,])\d\d(?: \d\d){3,}(?![\w.,])",
    r"(?<!\d)\d{3}[- ]\d{2}[- ]\d{4}(?!\d)",
    r"(?<!\d)\d{6,8}[-+A]\d{3,4}[A-Z0-9]?(?!\w)",
    r"(?<![\w.,:])\d(?:[ -]?\d){8,}(?![\w]|[.,]\d)",
    # "756.1234.5678.97", "85.07.30-033.28": at least nine digits in at least three groups.
    r"(?<![\w.,:])(?=(?:\d[.-]? ?){9})\d{1,6}(?:[.-] ?\d{1,6}){2,}(?!\w)",
    # Two groups of four digits, unless both are years.
    r"(?<![\w.,])(?!(?:19|20)\d\d[ -](?:19|20)\d\d)\d{4}[ -]\d{4}(?![\w.,])",
)
_NUMBERS = (
    r"(?<!\w)[A-Z]{2}\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)",
    r"(?<!\w)(?:[SED]R[RSXPZ]|SAM(?:N|EA|D|EG)|GSM)\d{4,}(?!\w)",
)
# In free text only: postal addresses ("5 Main St", "12 rue de la Paix", "Hauptstrasse 5"), initials ("J.D."), codes
# of capitals and digits such as passport numbers, shorter bare numbers, and the word after a title or label ("dr",
# "mrn").
_ROAD = (
    r"(?<![\w.,])\d{1,5}[a-z]?,? (?:[\w'.-]{1,30} ){1,2}"
    r"(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd)(?!\w)"
)
_BARE_NUMBER = r"(?<![\w.,:])\d{7,8}(?![\w]|[.,]\d)"
_HOUSE = (
    r"(?=[^\W\d_]{5,40}\.? ?\d)"
    r"[^\W\d_]{2,30}(?:strasse|str\.|gasse|weg|platz|allee|straat|laan|gracht) ?\d{1,4}[a-z]?(?!\w)"
)
_PASSPORT = r"(?-i:(?=\d{0,15}[A-Z])(?=(?:[A-Z]{0,6}\d){6})[A-Z0-9]{7,20})(?!\w)"
_STREET = r"(?:\d{1,4},? )?(?:rue|chemin|calle|avenida|rua|viale|piazza) (?:[\w'-]{1,30}(?: |(?!\w))){1,4}\d{0,4}"
_INITIALS = r"(?<![\w.])(?-i:[A-Z]\.(?:[A-Z](?!\w)\.?|(?:[ -]?[A-Z]\.)+))"
_AFTER_TITLE = (
    r"(?<= )(?:(?<=mrn )|(?<=mrn: )|(?<=ssn )|(?<=dr )|(?<=dr\. )|(?<=mr )|(?<=mrs )|(?<=ms\. ))(?:\w\. \w+|"
    r"\w+(?:['’-]\w+)?)"
)
_AFTER_HASH = r"(?<=#)\d{3,}"
# "tel.612345678", "mrn:1234567". After other capital letters the number is an ontology id; after a digit it is a
# fraction.
_AFTER_ABBREVIATION = r"(?:(?-i:(?<=[a-z][.:]))|(?<=mrn:)|(?<=ssn:)|(?<=tel[.:]))\d{7,}"

_AT_DIGIT = r"(?<!\d)(?=[\d(])"
_AT_WORD = r"(?<!\w)(?=\w)"
_ANYWHERE = sys.maxsize
# Two digits separated only by punctuation or by a month in Roman numerals, or a run of digits as long as the patterns
# below require.
_BESIDE_DIGITS = (
    r"\d(?:[\W_]+(?:[ivx]{1,4}[\W_]+)?\d"
    rf"|\d{{8}}|(?<=0)\d{{6}}|\d{{5}}[-+a]|(?:(?<=1)[89]|(?<=2)0)\d{{6}}|\d{{3}}{_YEAR})"
)
_SEVEN_DIGITS = r"\d{7}"


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Ways to write one kind of identifier, and what a text must contain to be worth searching."""

    regex: re.Pattern[str]
    # The minimum number of digits in a matching text.
    digits: int = 0
    # The search starts this many characters before the first digit or bracket of the text: no match starts earlier.
    lead: int = _ANYWHERE
    # Every match contains this trigger or follows it directly. The search uses the text that `lower` returns.
    trigger: re.Pattern[str] | None = None
    # Every match contains at least one of these words.
    trigger_words: frozenset[str] = frozenset()
    # Every match contains this character or follows it directly.
    sign: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PatternSet:
    """Patterns in search order, by what a text must have: nothing else, the sign of a pattern, or a trigger word."""

    always: tuple[Pattern, ...]
    by_sign: tuple[tuple[str, Pattern], ...]
    by_words: tuple[Pattern, ...]


def _pattern(
    *regexes: str,
    begin: str = "",
    digits: int = 0,
    lead: int = _ANYWHERE,
    trigger: str = "",
    words: frozenset[str] = frozenset(),
    sign: str = "",
) -> Pattern:
    regex = re.compile(rf"{begin}(?:{'|'.join(regexes)})", re.IGNORECASE)
    return Pattern(regex, digits, lead, re.compile(trigger) if trigger else None, words, sign)


def _joined(patterns: Iterable[Pattern]) -> re.Pattern[str]:
    return re.compile("|".join(pattern.regex.pattern for pattern in patterns), re.IGNORECASE)


def _by_digits(patterns: Sequence[Pattern]) -> tuple[PatternSet, ...]:
    """Return the patterns to search for each number of digits in a text. The last set is for all higher numbers too."""
    numeric = [p for p in patterns if p.trigger and p.trigger.pattern in (_BESIDE_DIGITS, _SEVEN_DIGITS)]
    triggers = dict.fromkeys(p.trigger.pattern for p in numeric if p.trigger)
    joined = Pattern(_joined(numeric), min(p.digits for p in numeric), lead=0, trigger=re.compile("|".join(triggers)))
    ordered = (joined, *(p for p in patterns if p not in numeric))
    return tuple(
        PatternSet(
            always=tuple(p for p in ordered if p.digits <= digits and not (p.trigger_words or p.sign)),
            by_sign=tuple((p.sign, p) for p in ordered if p.digits <= digits and p.sign),
            by_words=tuple(p for p in ordered if p.digits <= digits and p.trigger_words),
        )
        for digits in range(max(p.digits for p in ordered) + 1)
    )


_WITH_MONTHS = _pattern(
    *_DATES, begin=rf"(?<!\w)(?=[\d{_INITIALS_OF_MONTHS}])", digits=1, lead=_LONGEST_MONTH + 5, words=MONTHS
)
_CONTACT = _pattern(*_CONTACTS, trigger=r"@|://|\.(?:[a-z]|(?<=www\.))|(?<= )dot |[(\[{]\s?at")
# If two patterns match at the same place, the first one wins.
_PATTERNS = (
    _WITH_MONTHS,
    _pattern(*_NUMERIC_DATES, begin=_AT_DIGIT, digits=3, lead=0, trigger=_BESIDE_DIGITS),
    _pattern(_DAY_AND_MONTH, begin=_AT_DIGIT, digits=1, lead=0, words=MONTHS),
    _pattern(_DATES_IN_CHINESE, digits=2, lead=0, sign="年"),
    _CONTACT,
    _pattern(*_NUMERIC_CONTACTS, begin=_AT_DIGIT, digits=4, lead=0, trigger=_BESIDE_DIGITS),
    _pattern(_PHONE, digits=2, sign="+"),
    _pattern(*_NUMBERS, begin=r"(?<!\w)(?=[A-Z])", digits=2, lead=5),
)
_TEXT_PATTERNS = (
    *_PATTERNS,
    _pattern(_ROAD, begin=_AT_DIGIT, digits=1, lead=0, words=ROADS),
    _pattern(_BARE_NUMBER, begin=_AT_DIGIT, digits=7, lead=0, trigger=_SEVEN_DIGITS),
    _pattern(
        _HOUSE, begin=_AT_WORD, digits=1, lead=42, trigger=r"strasse|str\.|gasse|weg|platz|allee|straat|laan|gracht"
    ),
    _pattern(_PASSPORT, begin=_AT_WORD, digits=6, lead=6),
    _pattern(_STREET, begin=_AT_WORD, words=STREETS),
    _pattern(_INITIALS, begin=_AT_WORD, sign="."),
    _pattern(_AFTER_TITLE, begin=_AT_WORD, trigger=r"mrn:? |ssn |dr\.? |mrs? |ms\. "),
    _pattern(_AFTER_HASH, digits=3, lead=1, sign="#"),
    _pattern(_AFTER_ABBREVIATION, digits=7, lead=1, trigger="[.:]"),
)
# The patterns for all values and those for free text, by the number of digits in a text.
PATTERNS, TEXT_PATTERNS = _by_digits(_PATTERNS), _by_digits(_TEXT_PATTERNS)


def text_regex(text: str) -> re.Pattern[str]:
    """Return one regex for all free-text patterns, except the slowest ones if their triggers are absent."""
    return _without(
        *([_WITH_MONTHS] if MONTHS.isdisjoint(triggers_in(text)) else []),
        *([_CONTACT] if _CONTACT.trigger and not _CONTACT.trigger.search(lower(text)) else []),
    )


@cache
def _without(*missing: Pattern) -> re.Pattern[str]:
    """Return the joined regex. It is cached: there are only four, and each is slow to compile."""
    return _joined(pattern for pattern in _TEXT_PATTERNS if pattern not in missing)
