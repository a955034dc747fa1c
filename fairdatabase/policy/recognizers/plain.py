"""Plain values: those that say of a person's sample only where it was taken, when, and what it is."""

import re
from itertools import pairwise

from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.topics import Topics
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold, squash
from fairdatabase.policy.text.occasion_words import CODES_OF_DAYS, CODES_OF_MONTHS, CODES_OF_VISITS

_TOKEN = re.compile(r"[^\W_]+")
_ID = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9]{1,11})[:_][A-Za-z]?(\d{1,9})(?!\d)")
# "V1", "T0", "D14", "W4", "M3": visits and times.
_CODES_OF_TIMES = f"{CODES_OF_DAYS}|{CODES_OF_MONTHS}"
_VISIT = re.compile(rf"(?:{CODES_OF_VISITS}|{_CODES_OF_TIMES})?\d{{1,3}}|\d{{1,3}}(?:{_CODES_OF_TIMES})")
_DONORS = frozenset(("donor", "donors"))
_SITES, _ENVIRONMENTS = "UBERON", "ENVO"
# "2x250", "V4", "16s", "80": in a laboratory.
_QUANTITY = re.compile(r"[a-z]{0,4}\d+(?:x\d+)?[a-z]{0,4}")
# "34", "F", "M34": an age, a sex or a code.
_CODE = re.compile(r"[a-z]?\d*[a-z]?")


def is_plain(text: str, field: Field, vocabulary: Vocabulary, *, is_person: bool) -> bool:
    """Return whether a clean value of a public field is plain.

    Words that reveal a topic by themselves are not judged here. `is_person` is False for a sample that only may be of a
    person.
    """
    if field.values and squash(text) in field.values:
        return True
    name, plain, groups = field.follows or field.name, vocabulary.plain, vocabulary.topics.groups
    is_place = name in groups["sites"] or name in groups["media"]
    if is_place and (":" in text or "_" in text):
        if is_person and not all(_is_plain_id(prefix, digits, vocabulary) for prefix, digits in _ID.findall(text)):
            return False
        text = _ID.sub(" ", text)
    tokens = _TOKEN.findall(fold(text).lower())
    words = set(tokens)
    if not all(words.isdisjoint(group) for group in plain.findings[1:]) and not words.isdisjoint(plain.findings[0]):
        return False
    if _is_about_part(tokens, words, vocabulary):
        return False
    if is_place:
        return _are_plain(tokens, plain.sites if is_person else plain.elsewhere, vocabulary)
    if name in groups["visits"]:
        return _are_plain([token for token in tokens if not _VISIT.fullmatch(token)], plain.visits, vocabulary)
    if not words.isdisjoint(_DONORS):
        return False
    if not is_person or field.action != "term":
        return True
    rest = [token for token in _without_times(tokens, vocabulary.topics) if not _QUANTITY.fullmatch(token)]
    return _are_plain(rest, plain.laboratory, vocabulary)


def is_plain_id(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a text is one id that adds nothing to what a sample of a person says, if it has no topic."""
    prefix, _, number = text.partition(":")
    if prefix == _SITES:
        return number.isdecimal()
    return prefix == _ENVIRONMENTS and number.isdecimal() and int(number) in vocabulary.plain.environment_ids


def _is_about_part(tokens: list[str], words: set[str], vocabulary: Vocabulary) -> bool:
    """Return whether a value says how a part of the body is, or how many there are: "no spleen", "dry skin"."""
    plain = vocabulary.plain
    has_part, is_qualified = not words.isdisjoint(plain.parts), not words.isdisjoint(plain.qualifiers)
    if has_part and (is_qualified or not words.isdisjoint(plain.adjectives)):
        tokens = plain.phrases.sub("|", " ".join(tokens)).split()
        if not plain.qualifiers.isdisjoint(tokens):
            return True
        return any(first in plain.adjectives and second in plain.parts for first, second in pairwise(tokens))
    return is_qualified and not words.isdisjoint(plain.foods)


def _are_plain(tokens: list[str], allowed: frozenset[str], vocabulary: Vocabulary) -> bool:
    if allowed.issuperset(tokens):
        return True
    rest = _without_times(vocabulary.plain.phrases.sub(" ", " ".join(tokens)).split(), vocabulary.topics)
    return all(_CODE.fullmatch(token) for token in tokens) or all(
        token in allowed or _has_topic(token, vocabulary.topics) for token in rest
    )


def _without_times(tokens: list[str], topics: Topics) -> list[str]:
    """Return the tokens without times, which have a topic of their own: "18 months", "day 12", "d12"."""
    rest: list[str] = []
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        is_number = token.isdecimal() or token in topics.numbers
        is_unit = token.strip("0123456789") in topics.beside_numbers
        if is_number and (before in topics.beside_numbers or after in topics.beside_numbers):
            continue
        if is_unit and (token[-1].isdecimal() or token[0].isdecimal() or _is_number_beside(before, after, topics)):
            continue
        rest.append(token)
    return rest


def _is_number_beside(before: str, after: str, topics: Topics) -> bool:
    return any(token.isdecimal() or token in topics.numbers for token in (before, after))


def _has_topic(token: str, topics: Topics) -> bool:
    return token in topics.words or (token[-1] == "s" and token[:-1] in topics.words) or token.endswith(topics.endings)


def _is_plain_id(prefix: str, digits: str, vocabulary: Vocabulary) -> bool:
    name, number, topics = prefix.upper(), int(digits), vocabulary.topics
    if (name, number) in topics.ids:
        # It is judged by its topic.
        return True
    if topics.ontologies.get(name, topics.default) is not None:
        return True
    if name == _ENVIRONMENTS:
        return number in vocabulary.plain.environment_ids
    return name in vocabulary.plain.ontologies
