"""Numbering: distinguishes the numbers of a term ("HiSeq 2500", "week 12") from numbers that may identify somebody."""

import re

from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold

_NUMBER = r"\d+(?:[.,]\d{1,2})?"
# "7", "-80", "7.4", "0-5", "500/550": one number or the two ends of a range.
_GROUP = re.compile(rf"(?<![^\W_])(?:[<>=~+-]{{1,2}} ?)?{_NUMBER}(?:(?: ?[-/–] ?| to ){_NUMBER})?", re.ASCII)
# A number of up to two digits: "4", "-80". The only exception is -196, the temperature of liquid nitrogen.
_ALONE = re.compile(r"[+-]?(?:\d{1,2}(?:\.\d)?|(?<=-)196)", re.ASCII)
# Letters and digits together may be one word ("16S", "V3V4", "27F", "B12") or two ("day7", "80C", "T2").
_TOKEN = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ _.:#-]{0,2}$")
_WORD_AFTER = re.compile(r"\s?([%°]?[^\W\d_]*(?:/[^\W\d_]+)?)(?![^\W_])")
# A number with this many digits must be one that the vocabulary lists.
_LISTED = 4
_LONGEST_BELOW_ZERO = 3
_WITH_FRACTION = frozenset(("ph", "depth", "level", "minus", "score"))
# A postcode: "1012 AB", "SW1A 1AA", "K1A 0B1".
_POSTCODE = re.compile(
    r"(?<![^\W_])(?:[1-9]\d{3} ?[a-z]{2}|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d)(?![^\W_])",
    re.IGNORECASE,
)


def is_number_alone(text: str) -> bool:
    """Return whether a text is a number that is too short to identify anybody."""
    return _ALONE.fullmatch(text) is not None


def has_only_own_numbers(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether the numbers in a clean text are harmless.

    Numbers inside listed words ("16S") are harmless. One other number or range is harmless if it suits the word beside
    it ("week 12").
    """
    if not _DIGIT.search(text) or is_number_alone(text):
        return True
    folded = fold(text).lower()
    rest = _TOKEN.sub(lambda match: _without_listed(match[0], vocabulary), folded)
    if not _DIGIT.search(rest):
        return True
    if _POSTCODE.search(rest) or not vocabulary.numbers.never.isdisjoint(_TOKEN.findall(folded)):
        return False
    # Treat letters attached to a number as separate words: "day7", "80c".
    rest = re.sub(r"(?<=[a-zµ])(?=\d)", " ", rest)
    found = _GROUP.search(rest)
    if found is None or _DIGIT.search(rest, found.end()) or _DIGIT.search(rest[: found.start()]):
        return False
    return _fits_beside_words(found[0], rest[: found.start()], rest[found.end() :], vocabulary)


def _without_listed(token: str, vocabulary: Vocabulary) -> str:
    """Return a token without its digits if the vocabulary lists it as a word: "16s"."""
    is_word = not token.isdigit() and token in vocabulary.words
    return re.sub(r"\d", "x", token) if is_word else token


def _fits_beside_words(group: str, before: str, after: str, vocabulary: Vocabulary) -> bool:
    numbers = re.findall(r"\d+", group)
    if group[0] == "-" and before.endswith(" "):
        # "frozen at -80": a negative number is a temperature, or a day before the first day.
        return len(numbers) == 1 and len(numbers[0]) <= _LONGEST_BELOW_ZERO
    after_group = _WORD_AFTER.match(after)
    most = vocabulary.numbers.before.get(after_group[1], 0) if after_group else 0
    if all(len(number) <= most for number in numbers):
        return True
    before_group = _WORD_BEFORE.search(before)
    most = vocabulary.numbers.after.get(before_group[1], 0) if before_group else 0
    if most >= _LISTED and all(number in vocabulary.words for number in numbers):
        return True
    return _are_in_order(group, numbers, before_group[1] if before_group else "") and all(
        len(number) <= min(most, _LISTED - 1) for number in numbers
    )


def _are_in_order(group: str, numbers: list[str], word: str) -> bool:
    """Return whether a group is one number or a rising range ("12-14"), not a day and a month ("12.04", "12-04")."""
    if len(numbers) == 1:
        return True
    if "." in group or "," in group:
        return word in _WITH_FRACTION
    return not any(number[0] == "0" and len(number) > 1 for number in numbers) and int(numbers[0]) < int(numbers[-1])
