"""Terms: recognizes short phrases of known words, and ontology ids."""

import re
from itertools import cycle, pairwise, repeat

from fairdatabase.policy.recognizers.contextual import WORDS_OF_DATES, holds_date_in_words
from fairdatabase.policy.recognizers.detection import has_redactable_form, is_identifying
from fairdatabase.policy.recognizers.numbering import has_only_own_numbers, is_number_alone
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold
from fairdb.privacy.v1.field_class_pb2 import FieldClass

_LONGEST = 256
LONGEST_ENTRY = 80
_MOST_DIGITS = 6
# "T 2 D" is a term, but a name spelled letter by letter is not.
_MOST_LETTERS = 3
_SHAPE = re.compile(r"[\w ,;:.()\[\]/'’+&%<>=*#|°-]+")
_ENTRIES = re.compile(r"[;|]")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ONTOLOGY_ID = re.compile(r"([A-Za-z][A-Za-z0-9]{1,11})[:_][A-Z]?(\d{1,9})(?!\d)")
# Nine digits could be a telephone number. Only SNOMED CT has such ids, and their last digit is a check digit.
_CONCEPT_OF_SNOMED = re.compile(r"\d{6}00\d")
# "HiSeq 2500" has four digits. Dates and personal numbers have more.
_LONG_NUMBER = re.compile(r"\d{5,}")
_DIGIT = re.compile(r"\d")
_NUMBERS = re.compile(r"\d+")
# In a sensitive term, up to this many short numbers are common ("once in 2 years"), so they identify nobody.
_MOST_NUMBERS = 2
_SHORT = 2
# Eight digits that are a date: 19850412, 12041985.
# The day and the month of a date are never 0, so "ENVO:00002003" is not a date.
_DAY, _MONTH, _YEAR = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATE = re.compile(rf"{_YEAR}{_MONTH}{_DAY}|{_DAY}{_MONTH}{_YEAR}")
_DATE_DIGITS = 8
_ROTATIONS = 5
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_SEPARATOR = re.compile(r" ?[;,|] ?")


def is_term(text: str, field: Field, vocabulary: Vocabulary) -> bool:
    """Return whether a clean text consists of known words and their numbers.

    In a sensitive field, other words in lower case are accepted too, unless something suggests that they are a name.
    """
    if len(text) <= LONGEST_ENTRY and field.action == "term" and _is_plain_term(text, vocabulary):
        return True
    if len(text) > _LONGEST or not _SHAPE.fullmatch(text):
        return False
    if len(text) > LONGEST_ENTRY and any(len(entry) > LONGEST_ENTRY for entry in _ENTRIES.split(text)):
        return False
    if is_number_alone(text):
        return True
    rest = text
    if _DIGIT.search(text):
        # An ontology id after a term has more digits than a term may have: "urban biome [ENVO:01000249]".
        rest = without_ids(text, vocabulary).strip(" []")
        if len(_DIGIT.findall(rest)) > _MOST_DIGITS or _LONG_NUMBER.search(rest) or is_identifying(rest):
            return False
    words = _WORD.findall(fold(rest))
    if len(words) > _MOST_LETTERS and sum(len(word) == 1 for word in words) > _MOST_LETTERS:
        return False
    is_sensitive = field.field_class == FieldClass.FIELD_CLASS_SENSITIVE
    lower = [word.lower() for word in words]
    are_listed = vocabulary.words.issuperset(lower)
    if not (are_listed or all(map(_knows_in_sensitive if is_sensitive else _knows, words, repeat(vocabulary)))):
        return False
    if _names_somebody(lower, vocabulary) or _has_redactable_form(rest, vocabulary, are_listed=are_listed):
        return False
    return is_sensitive or has_only_own_numbers(rest, vocabulary)


def _is_plain_term(text: str, vocabulary: Vocabulary) -> bool:
    """Return True for a term of few listed words without a name or date. On False, the full check must decide."""
    words = text.lower().split(" ")
    if len(words) > _MOST_LETTERS or not (vocabulary.words.issuperset(words) and text.replace(" ", "").isalpha()):
        return False
    return text.isascii() and vocabulary.given.isdisjoint(words[:-1]) and WORDS_OF_DATES.isdisjoint(words)


def is_well_known(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether the vocabulary knows every word and number of a term, in any case."""
    rest = without_ids(text, vocabulary)
    if rest.isascii() and not _DIGIT.search(rest) and vocabulary.words.issuperset(_WORD.findall(rest.lower())):
        return True
    if not all(_knows(word, vocabulary) or _knows(word.lower(), vocabulary) for word in _WORD.findall(fold(rest))):
        return False
    numbers = _NUMBERS.findall(rest)
    are_common = len(numbers) <= _MOST_NUMBERS and all(len(number) <= _SHORT for number in numbers)
    return are_common or has_only_own_numbers(rest, vocabulary)


def _knows(word: str, vocabulary: Vocabulary) -> bool:
    return _is_letter(word) or vocabulary.knows(word) or vocabulary.numbers.knows(word.lower())


def _knows_in_sensitive(word: str, vocabulary: Vocabulary) -> bool:
    """Return whether a word may occur in a sensitive term.

    Many names of diseases are not listed, so any lowercase ASCII word may occur. A capitalised word must be known, at
    least by its medical ending. Names of people and unknown words in other scripts may not occur.
    """
    low = word.lower()
    if _is_letter(word) or low in vocabulary.words:
        return True
    if not word.isascii() or low.removesuffix("'s") in vocabulary.people:
        return vocabulary.knows(low) and low not in vocabulary.people
    return word.islower() or _knows(low, vocabulary)


def _has_redactable_form(text: str, vocabulary: Vocabulary, *, are_listed: bool) -> bool:
    if are_listed and text.replace(" ", "").isalpha():
        # Listed words without digits or punctuation can have only one redactable form: a date in words.
        return holds_date_in_words(text)
    return has_redactable_form(text, vocabulary)


def _names_somebody(lower: list[str], vocabulary: Vocabulary) -> bool:
    """Return whether a given name is followed by another name, even if both are ordinary words: "April May"."""
    if vocabulary.given.isdisjoint(lower):
        return False
    return any(first in vocabulary.given and second in vocabulary.people for first, second in pairwise(lower))


def are_ontology_ids(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a clean text consists of ids of ontologies that the vocabulary lists."""
    return len(text) <= _LONGEST and all(is_one_id(entry, vocabulary) for entry in _SEPARATOR.split(text))


def without_ids(text: str, vocabulary: Vocabulary) -> str:
    """Return a term without its ontology ids."""
    if not may_hold_id(text):
        return text
    term, _, behind = text.partition("[")
    if behind.endswith("]") and not may_hold_id(term) and is_one_id(behind[:-1], vocabulary):
        return term
    return _ONTOLOGY_ID.sub(lambda match: "" if _is_id(match, vocabulary) else match[0], text)


def is_one_id(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a text is one id of a listed ontology."""
    if vocabulary.short_id.fullmatch(text):
        return True
    match = _ONTOLOGY_ID.fullmatch(text)
    return match is not None and _is_id(match, vocabulary)


def may_hold_id(text: str) -> bool:
    """Return False for a text that cannot contain an ontology id."""
    return ":" in text or "_" in text


def _is_letter(word: str) -> bool:
    """Return whether a word is a letter of the alphabet. In other scripts one character may be a whole name."""
    return len(word) == 1 and word.isascii()


def _is_id(match: re.Match[str], vocabulary: Vocabulary) -> bool:
    prefix, digits = match.groups()
    if prefix not in vocabulary.ontologies:
        return False
    if len(digits) < _DATE_DIGITS:
        return True
    if len(digits) == _DATE_DIGITS:
        return not _DATE.fullmatch(digits)
    return prefix.startswith("SNOMED") and _CONCEPT_OF_SNOMED.fullmatch(digits) is not None and _has_check_digit(digits)


def _has_check_digit(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others, by Verhoeff's scheme (SNOMED CT, SCTID)."""
    check = 0
    for permuted, digit in zip(cycle(_PERMUTED), reversed(digits), strict=False):
        check = _PRODUCTS[check][permuted[digit]]
    return check == 0


def _multiply(first: int, second: int) -> int:
    """Return the product in the dihedral group of the pentagon."""
    if first < _ROTATIONS:
        turned = (first + second) % _ROTATIONS
        return turned if second < _ROTATIONS else turned + _ROTATIONS
    turned = (first - second) % _ROTATIONS
    return turned + _ROTATIONS if second < _ROTATIONS else turned


_PRODUCTS = tuple(tuple(_multiply(first, second) for second in range(10)) for first in range(10))
# For each place, counted from the last digit: the value that each digit is replaced with.
_PERMUTED = [{str(digit): digit for digit in range(10)}]
while (following := {digit: _PERMUTATION[place] for digit, place in _PERMUTED[-1].items()}) != _PERMUTED[0]:
    _PERMUTED.append(following)
