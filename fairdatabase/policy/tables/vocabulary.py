"""Vocabulary: the words, countries and missing-value terms that stored values may consist of."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairdatabase.policy.tables.missing import VOCABULARY_FILE, MissingTerms, read_missing
from fairdatabase.policy.text.characters import fold, squash

_WORD = re.compile(r"[^\W_]+")
# One alone is nobody's.
_FIGURES = frozenset("0123456789")
_PARTS = re.compile(r"[\s-]+")
# Shorter words end like anything.
_SHORTEST_WITH_ENDING = 6


@dataclass(frozen=True, slots=True)
class OrganismNames:
    """What the names of organisms are made of."""

    # Known words, and those of them that name nothing by themselves.
    words: frozenset[str]
    silent: frozenset[str]
    genera: frozenset[str]
    epithets: frozenset[str]
    # Endings of epithets, of genera that are in no list, and of ranks.
    latin: tuple[str, ...]
    genus: tuple[str, ...]
    rank: tuple[str, ...]
    # Phrases that count as known where a word with one of the endings stands.
    beside: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Beside which words a number may stand in a term, and how many figures it may have there."""

    # By the word in front of the number, and by the one behind it.
    behind: dict[str, int]
    front: dict[str, int]
    # In a term with one of these no number may stand.
    never: frozenset[str]

    def knows(self, word: str) -> bool:
        """Tell whether a word is known beside a number although it says nothing by itself: "pH", "rpm"."""
        return word in self.behind or word in self.front


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The content of vocabulary.toml, ready for look-up."""

    missing: MissingTerms
    words: frozenset[str]
    endings: tuple[str, ...]
    countries: dict[str, str]
    ontologies: frozenset[str]
    # An id of one of them that has too few figures to be anybody's.
    short_id: re.Pattern[str]
    organisms: OrganismNames
    # Given names and surnames, some of them known words as well.
    people: frozenset[str]
    given: frozenset[str]
    studies: frozenset[str]
    figures: Figures

    def knows(self, word: str) -> bool:
        """Tell whether a word may stand in a stored value: a listed one whatever its case, one by its ending in lower
        case only, because names have such endings too.
        """
        as_written, word = word, word.lower()
        if word in self.words or word.removesuffix("'s") in self.words:
            return True
        return as_written == word and len(word) >= _SHORTEST_WITH_ENDING and word.endswith(self.endings)

    def lists(self, text: str) -> bool:
        """Tell whether the vocabulary lists every word and number of a text, and none as a name of people."""
        known, organisms = self.words, self.organisms
        for word in _WORD.findall(text.lower()):
            listed = word in known or word in organisms.words or word in organisms.genera or word in organisms.epithets
            if word in self.people or not (listed or word in _FIGURES):
                return False
        return True


def load_vocabulary(path: Path = VOCABULARY_FILE) -> Vocabulary:
    """Read vocabulary.toml. Raises KeyError or ValueError when it is not of the expected form."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    ontologies: list[str] = content["ontologies"]["prefixes"]
    return Vocabulary(
        missing=read_missing(**content["missing"]),
        words=_words([*content["words"].values(), *ontologies]),
        endings=tuple(content["endings"]["medical"].split()),
        countries=read_values(content["countries"]["names"]),
        ontologies=frozenset(ontologies),
        short_id=re.compile(rf"(?:{'|'.join(map(re.escape, ontologies))})[:_][A-Z]?[0-9]{{1,7}}"),
        organisms=_organisms(content),
        people=_words(content["people"].values()),
        given=_words([content["people"]["given"]]),
        studies=_words(content["studies"].values()),
        figures=Figures(
            behind=_lengths(content["figures"]["behind"]),
            front=_lengths(content["figures"]["front"]),
            never=_words([content["figures"]["never"]["words"]]),
        ),
    )


def read_values(values: Iterable[str]) -> dict[str, str]:
    """Return what each spelling is stored as, of values written "stored|also written|…"."""
    stored: dict[str, str] = {}
    for value in values:
        spellings = value.split("|")
        for spelling in spellings:
            if stored.setdefault(squash(spelling), spellings[0]) != spellings[0]:
                raise ValueError(f"{spelling!r} stands for two values")
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
