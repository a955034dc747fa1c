"""Traces: forms of what identifies that need more than a pattern to be told: dates, postcodes, codes, spelled names."""

import html
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from fairdatabase.policy.recognizers.triggers import BEFORE_YEARS, DOTS, LETTERS, MONTHS, signs_in
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import MONTH_NAMES, is_date_in_figures


class _Trace(NamedTuple):
    pattern: re.Pattern[str]
    # Whether what matched is one; some words and units have the same form.
    judge: Callable[[re.Match[str], Vocabulary], bool] = lambda match, vocabulary: True


def _trace(pattern: str, judge: Callable[[re.Match[str], Vocabulary], bool] | None = None) -> _Trace:
    compiled = re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE)
    return _Trace(compiled, judge) if judge else _Trace(compiled)


def _is_date(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return is_date_in_figures(re.sub(r"\D", "", match[0]))


def _is_no_unit(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    """Tell whether the letters of a postcode are neither a unit ("2500 mg") nor a word of the sentence ("2004 in")."""
    letters = match["letters"]
    return letters.lower() not in vocabulary.figures.front and not (letters.islower() and vocabulary.knows(letters))


def _is_no_year(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return _is_no_unit(match, vocabulary) and (bool(match["house"]) or match["figures"][:2] not in ("19", "20"))


def _has_unknown_month(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return not vocabulary.knows(match["month"].lower())


def _has_many_figures(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    return sum(c.isdigit() for c in match[0]) >= _FIGURES_OF_ACCOUNT


_FIGURES_OF_ACCOUNT = 10
_YEAR = r"(?:1[89]|20)\d\d"
_COUNTED = r"(?! ?(?:reads|sequences|bp|otus|cells|cfu|copies)(?!\w))"
_WITH_MANY_FIGURES = (
    # "850412", "12 04 85", "85.04.12", "12|04|85".
    _trace(rf"(?<![.,:])\d{{6}}(?![.,+-]\d){_COUNTED}", _is_date),
    _trace(r"(?<![.,])\d\d(?P<sep>[ .:|°·•_/-])\d\d(?P=sep)\d\d(?![.,:+-]\d)", _is_date),
    _trace(r"day \d{1,2}\W{1,3}month \d{1,2}\W{1,3}year \d\d(?:\d\d)?"),
    _trace(r"\d{1,2}\.? (?:of )?(?P<month>[^\W\d_]{3,12})\.? (?:1[89]|20)\d\d", _has_unknown_month),
    # The day of a year, and of a week: "1985/102", "1985-W15-5".
    _trace(rf"{_YEAR}[/-](?:[0-2]\d\d|3[0-6]\d)"),
    _trace(rf"{_YEAR}-?W[0-5]\d(?:-?[1-7])?"),
    _trace(r"[+-]?\d{1,2}\.\d{3,}°?[ ,;/]{1,3}[+-]?\d{1,3}\.\d{3,}"),
    _trace(r"\d{1,2}(?:\.\d+)?°? ?[NS][ ,;/]{0,3}\d{1,3}(?:\.\d+)?°? ?[EW]"),
    # A word of letters and figures such as the number of a passport, and an account.
    _trace(r"(?=\d*[a-z])(?=(?:[a-z]{0,6}\d){6})[a-z0-9]{7,64}(?:\(\w\))?"),
    _trace(r"[a-z]{2}\d\d(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?", _has_many_figures),
)
_WITH_FEW_FIGURES = (
    _trace(r"(?P<figures>[1-9]\d{3}) ?(?P<letters>[a-z]{2})(?P<house> \d{1,4})?", _is_no_year),
    _trace(r"[a-z]{1,2}\d[a-z\d]? ?\d(?P<letters>[a-z]{2})", _is_no_unit),
)
_SPELLED = _trace(r"[^\W\d_](?:[ .*·_/-]{1,2}[^\W\d_]){3,}")
_SPELLED_BEGINS = re.compile(r"(?<![^\W_])[^\W\d_][ .*·_/-]{1,2}[^\W\d_](?![^\W_])")
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -]?)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth)"
)
_TENS = r"(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
_IN_WORDS = (
    _trace(rf"{_ORDINAL} (?:of )?(?:{MONTH_NAMES})"),
    _trace(rf"(?:{MONTH_NAMES}) (?:the )?{_ORDINAL}"),
    _trace(rf"(?:nineteen|twenty)[ -](?:hundred|{_TENS})(?:[ -](?:and )?\w{{3,5}})?"),
)
_ADDRESS_IN_WORDS = _trace(
    r"[\w.+%-]{1,64} at [\w-]+ (?:dot|punkt|punt|point|punto|ponto) (?:com|org|net|edu|gov|info|io|eu|de|nl|uk|fr|ch)"
)
_IP = re.compile(
    r"(?<![\w:])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}::(?:[0-9a-f]{1,4}:){0,6}[0-9a-f]{0,4}"
    r"|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?![\w:])",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"(?<![\w+/])(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])[A-Za-z0-9+/]{7,}={1,2}")
# Of an address of the sixth version, or of a network card.
_COLONS = 5
# Of a date in words.
WORDS_OF_DATES = MONTHS | BEFORE_YEARS
_FIGURE, _MANY = re.compile(r"\d"), re.compile(r"(?:\D*\d){5}")
_AT_LETTER = re.compile(r"\d(?:(?<=[A-Za-z]\d)|\d{3} ?[A-Za-z]{2}(?![A-Za-z]))")
# How far in front of its first figure any of those with figures begins.
_LEAD = 6
_ESCAPED = re.compile(r"&#?\w{2,8};|(?:%[0-9a-fA-F]{2}){2}|%40|%20")


def decode(text: str) -> str:
    """Return text with its HTML entities and percent escapes as the characters that they stand for."""
    if ("&" in text or "%" in text) and _ESCAPED.search(text):
        return html.unescape(unquote(text))
    return text


def holds_trace(text: str, signs: frozenset[str], vocabulary: Vocabulary) -> bool:
    """Tell whether a clean text with such signs holds one."""
    tried = _to_try(text, signs)
    return any(
        trace.judge(match, vocabulary) for trace, begin in tried for match in trace.pattern.finditer(text, begin)
    )


def holds_date_in_words(text: str) -> bool:
    """Tell whether a clean text holds a date without figures: "the twelfth of April"."""
    return not WORDS_OF_DATES.isdisjoint(signs_in(text)) and any(trace.pattern.search(text) for trace in _IN_WORDS)


def erase_traces(text: str, signs: frozenset[str], vocabulary: Vocabulary, stand_in: str) -> str:
    """Return text with something else in the place of each."""
    for trace in [trace for trace, begin in _to_try(text, signs) if trace.pattern.search(text, begin)]:
        text = trace.pattern.sub(
            lambda match, judge=trace.judge: stand_in if judge(match, vocabulary) else match[0], text
        )
    return text


def _to_try(text: str, signs: frozenset[str]) -> list[tuple[_Trace, int]]:
    """Return the traces for which a text has what they need, each with where it begins at the earliest."""
    found: list[_Trace] = []
    tried: list[tuple[_Trace, int]] = []
    if not (LETTERS.isdisjoint(signs) and text.isascii()) and _SPELLED_BEGINS.search(text):
        found.append(_SPELLED)
    if first := _FIGURE.search(text):
        begin = max(first.start() - _LEAD, 0)
        if _MANY.match(text, first.start()):
            tried += [(trace, begin) for trace in _WITH_MANY_FIGURES]
        if _AT_LETTER.search(text, begin):
            tried += [(trace, begin) for trace in _WITH_FEW_FIGURES]
    if not DOTS.isdisjoint(signs):
        found.append(_ADDRESS_IN_WORDS)
    if not WORDS_OF_DATES.isdisjoint(signs):
        found += _IN_WORDS
    if "::" in text or text.count(":") >= _COLONS:
        found.append(_Trace(_IP))
    if "=" in text:
        found.append(_Trace(_BASE64))
    return [*tried, *((trace, 0) for trace in found)]
