"""Vocabulary: the words, countries, ontologies and missing-value terms that stored values may contain."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairdatabase.policy.tables.lexicon import Lexicon
from fairdatabase.policy.tables.missing import VOCABULARY_FILE, MissingTerms, read_missing
from fairdatabase.policy.tables.people import PlainWords, load_plain_words
from fairdatabase.policy.tables.questions import Questions, read_questions
from fairdatabase.policy.tables.topics import Topics, load_topics
from fairdatabase.policy.text.characters import fold, squash

_WORD = re.compile(r"[^\W_]+")
# A single digit identifies nobody.
_DIGITS = frozenset("0123456789")
_PARTS = re.compile(r"[\s-]+")
# In a shorter word, a medical ending proves nothing.
_SHORTEST_WITH_ENDING = 6


@dataclass(frozen=True, slots=True)
class OrganismNames:
    """The words that form names of organisms."""

    # All known words.
    words: frozenset[str]
    # Known words that do not name an organism by themselves.
    silent: frozenset[str]
    genera: frozenset[str]
    epithets: frozenset[str]
    # Endings of epithets, of unlisted genera, and of ranks.
    latin: tuple[str, ...]
    genus: tuple[str, ...]
    rank: tuple[str, ...]
    # Pairs of endings and phrases: if a word of a name has one of the endings, the phrases count as known.
    beside: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]


@dataclass(frozen=True, slots=True)
class NumberWords:
    """The words that a number in a term may follow or precede, and the maximum number of digits for each word."""

    # For each word: the maximum number of digits in a number that follows it (`after`) or precedes it (`before`).
    after: dict[str, int]
    before: dict[str, int]
    # A term with one of these words must not contain a number.
    never: frozenset[str]

    def knows(self, word: str) -> bool:
        """Return whether a word is known beside a number, even if it means nothing by itself: "pH", "rpm"."""
        return word in self.after or word in self.before


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The content of vocabulary.toml, ready for look-up."""

    missing: MissingTerms
    words: frozenset[str]
    endings: tuple[str, ...]
    countries: dict[str, str]
    # How many figures the postcodes of a country have at least.
    postcode_figures: dict[str, int]
    ontologies: frozenset[str]
    # Matches an id of a listed ontology with too few digits to identify anybody.
    short_id: re.Pattern[str]
    organisms: OrganismNames
    # Given names and surnames. Some are also known words.
    people: frozenset[str]
    given: frozenset[str]
    studies: frozenset[str]
    numbers: NumberWords
    questions: Questions
    topics: Topics
    plain: PlainWords
    # Ordinary words and names of many languages.
    lexicon: Lexicon = field(default_factory=Lexicon)

    def knows(self, word: str) -> bool:
        """Return whether a word may occur in a stored value.

        A listed word may occur in any case. A word with a medical ending may occur only in lower case, because names
        can have such endings too.
        """
        as_written, word = word, word.lower()
        if word in self.words or word.removesuffix("'s") in self.words:
            return True
        return as_written == word and len(word) >= _SHORTEST_WITH_ENDING and word.endswith(self.endings)

    def lists(self, text: str) -> bool:
        """Return whether the vocabulary lists every word and number of a text, and no word is a person's name."""
        known, organisms = self.words, self.organisms
        for word in _WORD.findall(text.lower()):
            listed = word in known or word in organisms.words or word in organisms.genera or word in organisms.epithets
            if word in self.people or not (listed or word in _DIGITS):
                return False
        return True


def load_vocabulary(path: Path = VOCABULARY_FILE) -> Vocabulary:
    """Read vocabulary.toml. Raises KeyError or ValueError if it does not have the expected form."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    ontologies: list[str] = content["ontologies"]["prefixes"]
    words, given = _words([*content["words"].values(), *ontologies]), _words([content["people"]["given"]])
    return Vocabulary(
        missing=read_missing(**content["missing"]),
        words=words,
        endings=tuple(content["endings"]["medical"].split()),
        countries=read_values([*content["countries"]["names"], *content["countries"]["variants"]]),
        postcode_figures={
            country: int(figures) for figures, names in content["countries"]["figures"].items() for country in names
        },
        ontologies=frozenset(ontologies),
        short_id=re.compile(rf"(?:{'|'.join(map(re.escape, ontologies))})[:_][A-Z]?[0-9]{{1,7}}"),
        organisms=_organisms(content),
        people=_words(content["people"].values()),
        given=given,
        studies=_words(content["studies"].values()),
        numbers=NumberWords(
            after=_lengths(content["numbers"]["after"]),
            before=_lengths(content["numbers"]["before"]),
            never=_words([content["numbers"]["never"]["words"]]),
        ),
        questions=read_questions(content["questions"], words, given),
        topics=load_topics(content["words"]),
        plain=load_plain_words(content["words"]),
    )


def read_values(values: Iterable[str]) -> dict[str, str]:
    """Parse values written as "stored|also written|…"; return each stored value by its squashed spellings."""
    stored: dict[str, str] = {}
    for value in values:
        spellings = value.split("|")
        for spelling in spellings:
            if stored.setdefault(squash(spelling), spellings[0]) != spellings[0]:
                raise ValueError(f"{spelling!r} means two values")
    return stored


def _lengths(groups: dict[str, str]) -> dict[str, int]:
    return {fold(word): int(length) for length, words in groups.items() for word in words.split()}


def _organisms(content: dict[str, Any]) -> OrganismNames:
    organisms, words, endings = content["organisms"], content["words"], content["endings"]
    known = (organisms[part] for part in ("silent", "community", "hosts", "viruses"))
    return OrganismNames(
        words=_words([*known, words["anatomy"], words["environment"]]),
        silent=_words([organisms["silent"]]),
        genera=_words([organisms["genera"]]),
        epithets=_words([organisms["epithets"]]),
        latin=tuple(endings["latin"].split()),
        genus=tuple(endings["genus"].split()),
        rank=tuple(endings["rank"].split()),
        beside=tuple((tuple(group["ending"]), _phrases(group["allows"])) for group in organisms["beside"]),
    )


def _phrases(text: str) -> re.Pattern[str]:
    phrases = (re.escape(" ".join(phrase.split())) for phrase in text.split(","))
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(phrases)})(?![^\W_])", re.IGNORECASE)


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _PARTS.split(text.lower()) if word)
