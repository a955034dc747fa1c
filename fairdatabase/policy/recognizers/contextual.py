"""Contextual patterns (dates, postcodes, codes, spelled names): their matches may need a further check."""

import html
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from fairdatabase.policy.recognizers.triggers import BEFORE_YEARS, DOTS, LETTERS, MONTHS, triggers_in
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import MONTH_NAMES, is_numeric_date


class _ContextualPattern(NamedTuple):
    regex: re.Pattern[str]
    # Returns whether a match identifies somebody. Some harmless words and units have the same form.
    accepts: Callable[[re.Match[str], Vocabulary], bool] = lambda match, vocabulary: True


def _contextual(pattern: str, accepts: Callable[[re.Match[str], Vocabulary], bool] | None = None) -> _ContextualPattern:
    compiled = re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE)
    return _ContextualPattern(compiled, accepts) if accepts else _ContextualPattern(compiled)


def _is_date(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return is_numeric_date(re.sub(r"\D", "", match[0]))


def _is_not_unit(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    """Return whether the letters of a postcode are neither a unit ("2500 mg") nor a known word ("2004 in")."""
    letters = match["letters"]
    return letters.lower() not in vocabulary.numbers.before and not (letters.islower() and vocabulary.knows(letters))


def _is_not_year(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return _is_not_unit(match, vocabulary) and (bool(match["house"]) or match["digits"][:2] not in ("19", "20"))


def _has_unknown_month(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return not vocabulary.knows(match["month"].lower())


def _has_many_digits(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return sum(c.isdigit() for c in match[0]) >= _DIGITS_OF_ACCOUNT


_DIGITS_OF_ACCOUNT = 10
_YEAR = r"(?:1[89]|20)\d\d"
_COUNTED = r"(?! ?(?:reads|sequences|bp|otus|cells|cfu|copies)(?!\w))"
_MANY_DIGITS = (
    # "850412", "12 04 85", "85.04.12", "12|04|85".
    _contextual(rf"(?<![.,:])\d{{6}}(?![.,+-]\d){_COUNTED}", _is_date),
    _contextual(r"(?<![.,])\d\d(?P<sep>[ .:|°·•_/-])\d\d(?P=sep)\d\d(?![.,:+-]\d)", _is_date),
    _contextual(r"day \d{1,2}\W{1,3}month \d{1,2}\W{1,3}year \d\d(?:\d\d)?"),
    _contextual(r"\d{1,2}\.? (?:of )?(?P<month>[^\W\d_]{3,12})\.? (?:1[89]|20)\d\d", _has_unknown_month),
    # Ordinal dates and week dates: "1985/102", "1985-W15-5".
    _contextual(rf"{_YEAR}[/-](?:[0-2]\d\d|3[0-6]\d)"),
    _contextual(rf"{_YEAR}-?W[0-5]\d(?:-?[1-7])?"),
    _contextual(r"[+-]?\d{1,2}\.\d{3,}°?[ ,;/]{1,3}[+-]?\d{1,3}\.\d{3,}"),
    _contextual(r"\d{1,2}(?:\.\d+)?°? ?[NS][ ,;/]{0,3}\d{1,3}(?:\.\d+)?°? ?[EW]"),
    # A mix of letters and digits, such as a passport or account number.
    _contextual(r"(?=\d*[a-z])(?=(?:[a-z]{0,6}\d){6})[a-z0-9]{7,64}(?:\(\w\))?"),
    _contextual(r"[a-z]{2}\d\d(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?", _has_many_digits),
)
_FEW_DIGITS = (
    _contextual(r"(?P<digits>[1-9]\d{3}) ?(?P<letters>[a-z]{2})(?P<house> \d{1,4})?", _is_not_year),
    _contextual(r"[a-z]{1,2}\d[a-z\d]? ?\d(?P<letters>[a-z]{2})", _is_not_unit),
)
_SPELLED = _contextual(r"[^\W\d_](?:[ .*·_/-]{1,2}[^\W\d_]){3,}")
_SPELLED_BEGINS = re.compile(r"(?<![^\W_])[^\W\d_][ .*·_/-]{1,2}[^\W\d_](?![^\W_])")
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -]?)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth)"
)
_TENS = r"(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
_IN_WORDS = (
    _contextual(rf"{_ORDINAL} (?:of )?(?:{MONTH_NAMES})"),
    _contextual(rf"(?:{MONTH_NAMES}) (?:the )?{_ORDINAL}"),
    _contextual(rf"(?:nineteen|twenty)[ -](?:hundred|{_TENS})(?:[ -](?:and )?\w{{3,5}})?"),
)
_ADDRESS_IN_WORDS = _contextual(
    r"[\w.+%-]{1,64} at [\w-]+ (?:dot|punkt|punt|point|punto|ponto) (?:com|org|net|edu|gov|info|io|eu|de|nl|uk|fr|ch)"
)
_IP = re.compile(
    r"(?<![\w:])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}"
    r"|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![\w:])",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"(?<![\w+/])(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])[A-Za-z0-9+/]{7,}={1,2}")
# The number of colons in a MAC address. A full IPv6 address has more.
_COLONS = 5
WORDS_OF_DATES = MONTHS | BEFORE_YEARS
_DIGIT, _FIVE_DIGITS = re.compile(r"\d"), re.compile(r"(?:\D*\d){5}")
_AT_LETTER = re.compile(r"\d(?:(?<=[A-Za-z]\d)|\d{3} ?[A-Za-z]{2}(?![A-Za-z]))")
# A match of a pattern with digits starts at most this many characters before its first digit.
_LEAD = 6
_ESCAPED = re.compile(r"&#?\w{2,8};|(?:%[0-9a-fA-F]{2}){2}|%40|%20")


def decode(text: str) -> str:
    """Return text with its HTML entities and percent escapes decoded."""
    if ("&" in text or "%" in text) and _ESCAPED.search(text):
        return html.unescape(unquote(text))
    return text


def holds_contextual(text: str, triggers: frozenset[str], vocabulary: Vocabulary) -> bool:
    """Return whether a clean text with these triggers contains a contextual pattern that identifies somebody."""
    return any(
        pattern.accepts(match, vocabulary)
        for pattern, begin in _worth_searching(text, triggers)
        for match in pattern.regex.finditer(text, begin)
    )


def holds_date_in_words(text: str) -> bool:
    """Return whether a clean text contains a date without digits: "the twelfth of April"."""
    return not WORDS_OF_DATES.isdisjoint(triggers_in(text)) and any(date.regex.search(text) for date in _IN_WORDS)


def erase_contextual(text: str, triggers: frozenset[str], vocabulary: Vocabulary, replacement: str) -> str:
    """Return text with a replacement for each match that identifies somebody."""
    matching = [pattern for pattern, begin in _worth_searching(text, triggers) if pattern.regex.search(text, begin)]
    for pattern in matching:
        text = pattern.regex.sub(
            lambda match, accepts=pattern.accepts: replacement if accepts(match, vocabulary) else match[0], text
        )
    return text


def _worth_searching(text: str, triggers: frozenset[str]) -> list[tuple[_ContextualPattern, int]]:
    """Return the patterns whose requirements a text meets, each with the earliest position where a match can start."""
    anywhere: list[_ContextualPattern] = []
    with_digits: list[tuple[_ContextualPattern, int]] = []
    if not (LETTERS.isdisjoint(triggers) and text.isascii()) and _SPELLED_BEGINS.search(text):
        anywhere.append(_SPELLED)
    if first := _DIGIT.search(text):
        begin = max(first.start() - _LEAD, 0)
        if _FIVE_DIGITS.match(text, first.start()):
            with_digits += [(pattern, begin) for pattern in _MANY_DIGITS]
        if _AT_LETTER.search(text, begin):
            with_digits += [(pattern, begin) for pattern in _FEW_DIGITS]
    if not DOTS.isdisjoint(triggers):
        anywhere.append(_ADDRESS_IN_WORDS)
    if not WORDS_OF_DATES.isdisjoint(triggers):
        anywhere += _IN_WORDS
    if "::" in text or text.count(":") >= _COLONS:
        anywhere.append(_ContextualPattern(_IP))
    if "=" in text:
        anywhere.append(_ContextualPattern(_BASE64))
    return [*with_digits, *((pattern, 0) for pattern in anywhere)]
