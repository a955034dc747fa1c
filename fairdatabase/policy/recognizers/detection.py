"""Patterns: what identifies somebody by its form alone is found, and in free text redacted, names among it."""

import re
import unicodedata

from fairdatabase.policy.recognizers.contextual import decode, erase_traces, holds_trace
from fairdatabase.policy.recognizers.patterns import FORMS, FORMS_OF_TEXT, Forms, any_of_text
from fairdatabase.policy.recognizers.triggers import lower, signs_in
from fairdatabase.policy.tables.vocabulary import Vocabulary

REDACTED = "[redacted]"
# "0123456", a telephone number.
_FEWEST_FIGURES = 7

_FIGURE_OR_BRACKET = re.compile(r"[\d(]")
# "Jane", "McDonald", "O'Brien", "QUARTZFEATHER" begin with a capital and may be names.
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_](?:['’]?[^\W\d_])+")
# In ASCII text every one of them that is not harmless holds one of these, or a capital behind a small letter.
_CAPITALISED_PART = re.compile(r"[A-Z](?:'?[A-Za-z])+")
_CAPITAL_INSIDE = re.compile(r"[a-z]'?[A-Z]")
# In other scripts a vowel is a mark, and one character may be a whole name.
_MARKS = "".join(
    chr(code)
    for codes in (range(0x300, 0x1D00), range(0x302A, 0x309B), range(0xA66F, 0xABF0), range(0x11000, 0x11FFF))
    for code in codes
    if unicodedata.category(chr(code)).startswith("M")
)
_WORD_OF_ANY_SCRIPT = re.compile(rf"[^\W\d_](?:['’]?[^\W\d_]|[{_MARKS}])*")
# What is left of a word of which a part is redacted.
_TOKEN = re.compile(rf"(?<!\w)\w*{re.escape(REDACTED)}(?:\w|{re.escape(REDACTED)})*=*")
_TOUCHED = re.compile(rf"{re.escape(REDACTED)}(?:[\w=\[]|(?<=\w{re.escape(REDACTED)}))")
_REPEATED = re.compile(rf"{re.escape(REDACTED)}(?:[\s,]*{re.escape(REDACTED)})+")
# Beside a redacted name: up to three further capitalised words or initials, and in front of it the number of a house.
_CAPITALS = "A-ZÀ-ÖØ-ÞΑ-ΩЀ-Я"
_CAPITALISED = rf"[{_CAPITALS}][^\W\d_]*(?:['’-][^\W\d_]+)*\.?"
_BESIDE = re.compile(
    rf"(?<={re.escape(REDACTED)})(?:[ ,]{{1,2}}{_CAPITALISED}(?!\w)){{1,3}}"
    rf"|(?<![\w.,'’-])(?:(?:{_CAPITALISED}|\d{{1,5}}[A-Za-z]?)[ ,]{{1,2}}){{1,3}}(?={re.escape(REDACTED)})"
)
# What there must be for that; looked for first, since it takes far less.
_IN_FRONT = re.compile(rf"[{_CAPITALS}\d][\w'’.-]*[ ,]{{1,2}}{re.escape(REDACTED)}")
_BEHIND = re.compile(rf"{re.escape(REDACTED)}[ ,]{{1,2}}[{_CAPITALS}]")
_BESIDE_WORD = re.compile(r"[\w'’-]+\.?")


def is_identifying(text: str) -> bool:
    """Tell whether a clean text holds a contact, a date or the number of a card or account."""
    if text.isdecimal():
        # Of these only one looks at figures alone, and at fewest at seven of them.
        return len(text) >= _FEWEST_FIGURES and FORMS[-1].first[0].pattern.search(text) is not None
    return _holds_any(text, FORMS)


def is_telling(text: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a clean text holds anything that free text would lose by its form: an address, a code, initials."""
    signs = signs_in(text)
    return decode(text) != text or _holds_any(text, FORMS_OF_TEXT, signs) or holds_trace(text, signs, vocabulary)


def redact_patterns(text: str, vocabulary: Vocabulary) -> str:
    """Return clean text without contacts, dates, numbers, addresses, and capitalised words that are not known ones."""
    signs = signs_in(text)
    text = erase_traces(text, signs, vocabulary, REDACTED)
    if _holds_any(text, FORMS_OF_TEXT, signs):
        text = any_of_text(text).sub(REDACTED, text)
    if not _has_plain_words(text, vocabulary):
        word = _WORD if text.isascii() else _WORD_OF_ANY_SCRIPT
        text = word.sub(lambda match: match[0] if _is_harmless(match[0], vocabulary) else REDACTED, text)
    if REDACTED not in text:
        return text
    if _TOUCHED.search(text):
        text = _TOKEN.sub(REDACTED, text)
    if _IN_FRONT.search(text) or _BEHIND.search(text):
        text = _BESIDE.sub(lambda match: _redact_names(match[0], vocabulary), text)
    return _REPEATED.sub(REDACTED, text)


def _holds_any(text: str, forms: tuple[Forms, ...], signs: frozenset[str] | None = None) -> bool:
    """Tell whether a text with these signs holds a form, trying only those for which it has what they need."""
    found = _FIGURE_OR_BRACKET.search(text)
    first = found.start() if found else len(text)
    # Brackets count, too: more figures than there are only mean that more is tried.
    figures = len(_FIGURE_OR_BRACKET.findall(text, first)) if found else 0
    tried = forms[min(figures, len(forms) - 1)]
    low = lower(text)
    # None but the first one consists of figures.
    for form in tried.first if figures < len(text) else tried.first[:1]:
        begin = first - form.lead if first > form.lead else 0
        if (form.sign is None or form.sign.search(low, begin)) and form.pattern.search(text, begin):
            return True
    if tried.with_words and (signs := signs_in(text) if signs is None else signs):
        for form in tried.with_words:
            if not form.words.isdisjoint(signs) and form.pattern.search(text, max(first - form.lead, 0)):
                return True
    return False


def _has_plain_words(text: str, vocabulary: Vocabulary) -> bool:
    """Tell cheaply that every word of a text is harmless; False means that each must be looked at."""
    if not text.isascii():
        return False
    if text.islower():
        return True
    return not _CAPITAL_INSIDE.search(text) and all(map(vocabulary.knows, _CAPITALISED_PART.findall(text)))


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
