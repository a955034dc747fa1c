"""Detection: finds identifiers by their form alone, and redacts both identifiers and names in free text."""

import re

from fairdatabase.policy.recognizers.contextual import decode, erase_contextual, holds_contextual
from fairdatabase.policy.recognizers.harmless import put_back, set_aside
from fairdatabase.policy.recognizers.labels import words_of
from fairdatabase.policy.recognizers.names import find_names
from fairdatabase.policy.recognizers.patterns import PATTERNS, TEXT_PATTERNS, PatternSet, text_regex
from fairdatabase.policy.recognizers.personal import erase_personal
from fairdatabase.policy.recognizers.places import erase_places
from fairdatabase.policy.recognizers.triggers import lower, triggers_in
from fairdatabase.policy.tables.vocabulary import Vocabulary

REDACTED = "[redacted]"
# The length of the shortest identifying number, a telephone number such as "0123456".
_FEWEST_DIGITS = 7

_DIGIT_OR_BRACKET = re.compile(r"[\d(]")
# A word of which only a part was redacted.
_TOKEN = re.compile(rf"(?<!\w)\w*{re.escape(REDACTED)}(?:\w|{re.escape(REDACTED)})*=*")
_TOUCHED = re.compile(rf"{re.escape(REDACTED)}(?:[\w=\[]|(?<=\w{re.escape(REDACTED)}))")
_REPEATED = re.compile(rf"{re.escape(REDACTED)}(?:[\s,.]*{re.escape(REDACTED)})+")
# Up to three capitalised words or initials before or after a redacted name, or a house number before it.
_CAPITALS = "A-ZÀ-ÖØ-ÞΑ-ΩЀ-Я"
_CAPITALISED = rf"[{_CAPITALS}][^\W\d_]*(?:['’-][^\W\d_]+)*\.?"
_HOUSE_OR_POSTCODE = r"\d{1,5}(?:[A-Za-z]|[- ]\d{2,3})?"
_BESIDE = re.compile(
    rf"(?<={re.escape(REDACTED)})(?:[ ,]{{1,2}}{_CAPITALISED}(?!\w)){{1,3}}"
    rf"|(?<![\w.,'’-])(?:(?:{_CAPITALISED}|{_HOUSE_OR_POSTCODE})[ ,]{{1,2}}){{1,3}}(?={re.escape(REDACTED)})"
)
# _BESIDE can match only if one of these two patterns matches. Searching for them first is much faster.
_BEFORE = re.compile(rf"[{_CAPITALS}\d][\w'’.-]*[ ,]{{1,2}}{re.escape(REDACTED)}")
_AFTER = re.compile(rf"{re.escape(REDACTED)}[ ,]{{1,2}}[{_CAPITALS}]")
# The number of a house or flat behind a redacted street, at the end of a clause.
_NUMBER_BEHIND = re.compile(
    rf"{re.escape(REDACTED)}[,.]? (?:m\. |"
    rf"nr\.? )?\d{{1,4}}(?:[-/]?\w{{1,4}})?(?: [A-Z](?!\w))?(?: \d{{1,3}})?(?= *(?:$|[,.;)](?!\d)))"
)
# A lowercase initial beside a redacted name: "anna m.", "a. anna".
_LETTER_BESIDE = re.compile(
    rf"{re.escape(REDACTED)}(?: [a-z]\.(?!\w)|[._-][a-z](?!\w))|(?<![^\W_])[a-z](?:\. ?|[_-]){re.escape(REDACTED)}"
)
_BESIDE_WORD = re.compile(r"[\w'’-]+\.?")


def is_identifying(text: str) -> bool:
    """Return whether a clean text contains contact details, a date, or a card or account number."""
    if text.isdecimal():
        # Only one pattern matches a text of digits alone, and it needs at least seven.
        return len(text) >= _FEWEST_DIGITS and PATTERNS[-1].always[0].regex.search(text) is not None
    return _holds_any(text, PATTERNS)


def has_redactable_form(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether redaction would remove part of a clean text by its form: an address, a code or initials."""
    triggers = triggers_in(text)
    return (
        decode(text) != text
        or _holds_any(text, TEXT_PATTERNS, triggers)
        or holds_contextual(text, triggers, vocabulary)
    )


def redact_patterns(text: str, vocabulary: Vocabulary) -> str:
    """Return clean folded text without contact details, dates, numbers, addresses and names."""
    words = words_of(text)
    text, harmless = set_aside(text, words, vocabulary)
    text = erase_places(erase_personal(text, words, REDACTED), words, REDACTED)
    triggers = triggers_in(text)
    text = erase_contextual(text, triggers, vocabulary, REDACTED)
    if _holds_any(text, TEXT_PATTERNS, triggers):
        text = text_regex(text).sub(REDACTED, text)
    text = _erase_spans(text, find_names(text, words, vocabulary))
    if REDACTED in text:
        if _TOUCHED.search(text):
            text = _TOKEN.sub(REDACTED, text)
        if _BEFORE.search(text) or _AFTER.search(text):
            text = _BESIDE.sub(lambda match: _redact_names(match[0], vocabulary), text)
        if "." in text or "-" in text or "_" in text:
            text = _LETTER_BESIDE.sub(REDACTED, text)
        text = _NUMBER_BEHIND.sub(REDACTED, text)
        text = _REPEATED.sub(REDACTED, text)
    return put_back(text, harmless)


def _erase_spans(text: str, spans: list[tuple[int, int]]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces += (text[done:start], REDACTED)
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _holds_any(text: str, sets: tuple[PatternSet, ...], triggers: frozenset[str] | None = None) -> bool:
    """Return whether a text matches a pattern. Only patterns whose requirements the text meets are searched."""
    found = _DIGIT_OR_BRACKET.search(text)
    first = found.start() if found else len(text)
    # This counts brackets too. A count that is too high only means that more patterns are searched.
    digits = len(_DIGIT_OR_BRACKET.findall(text, first)) if found else 0
    patterns = sets[min(digits, len(sets) - 1)]
    low = lower(text)
    # Only the first pattern matches a text of digits alone.
    for pattern in patterns.always if digits < len(text) else patterns.always[:1]:
        begin = first - pattern.lead if first > pattern.lead else 0
        if (pattern.trigger is None or pattern.trigger.search(low, begin)) and pattern.regex.search(text, begin):
            return True
    for sign, pattern in patterns.by_sign:
        if sign in text and pattern.regex.search(text, max(first - pattern.lead, 0)):
            return True
    if patterns.by_words and (triggers := triggers_in(text) if triggers is None else triggers):
        for pattern in patterns.by_words:
            begin = max(first - pattern.lead, 0)
            if not pattern.trigger_words.isdisjoint(triggers) and pattern.regex.search(text, begin):
                return True
    return False


def _redact_names(words: str, vocabulary: Vocabulary) -> str:
    """Redact the words beside a name, except known words that are not also names."""

    def stays(word: str) -> bool:
        word = word.rstrip(".").lower()
        if len(word) == 1:
            return False
        return vocabulary.knows(word) and word not in vocabulary.people

    return _BESIDE_WORD.sub(lambda match: match[0] if stays(match[0]) else REDACTED, words)
