"""Vocabulary: the words, countries and missing-value terms that stored values may consist of."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from privacy_svc.characters import squash

_FILE = Path(__file__).with_name("vocabulary.toml")
_PARTS = re.compile(r"[\s-]+")
# Shorter words end like anything.
_SHORTEST_WITH_ENDING = 6
_REMEMBERED = 4096
_LONGEST_MISSING = 30


class Remembered(set[str]):
    """A set that starts anew when it is full."""

    def add(self, element: str, /) -> None:
        if len(self) >= _REMEMBERED:
            self.clear()
        super().add(element)


@dataclass(frozen=True, slots=True)
class OrganismNames:
    """What the names of organisms are made of."""

    leading: frozenset[str]
    community: frozenset[str]
    capitalised: tuple[tuple[frozenset[str], frozenset[str]], ...]
    known: frozenset[str]
    latin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The content of vocabulary.toml, ready for look-up."""

    # By how they are written, in lower case; "" stands for what counts as absent.
    missing: dict[str, str]
    missing_terms: frozenset[str]
    words: frozenset[str]
    endings: tuple[str, ...]
    countries: dict[str, str]
    ontologies: frozenset[str]
    organisms: OrganismNames
    # Phrases and names of organisms that were found good: no value that was refused is remembered.
    phrases: Remembered = field(default_factory=Remembered)
    names: Remembered = field(default_factory=Remembered)

    def missing_term(self, text: str) -> str | None:
        """Return the missing-value term that a clean text is, "" when it counts as absent, None for all other texts."""
        if len(text) > _LONGEST_MISSING:
            return None
        return self.missing.get(text.lower().replace("_", " ").replace("-", " ").removeprefix("missing: ").strip())

    def knows(self, word: str) -> bool:
        """Tell whether a word may stand in a stored value, whatever its case."""
        word = word.lower()
        if word in self.words or word.removesuffix("'s") in self.words:
            return True
        return len(word) >= _SHORTEST_WITH_ENDING and word.endswith(self.endings)


def load_vocabulary(path: Path = _FILE) -> Vocabulary:
    """Read vocabulary.toml. Raises KeyError or ValueError when it is not of the expected form."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    organisms: dict[str, Any] = content["organisms"]
    ontologies: list[str] = content["ontologies"]["prefixes"]
    terms: list[str] = content["missing"]["terms"]
    return Vocabulary(
        missing=dict.fromkeys(("", *content["missing"]["blanks"]), "")
        | {term.replace(" ", ""): term for term in terms}
        | {term: term for term in terms},
        missing_terms=frozenset(terms),
        words=_words([*content["words"].values(), *ontologies]),
        endings=tuple(content["endings"]["medical"].split()),
        countries=read_values(content["countries"]["names"]),
        ontologies=frozenset(ontologies),
        organisms=OrganismNames(
            leading=_words([organisms["leading"]]),
            community=_words([organisms["community"]]),
            capitalised=tuple(
                (frozenset(group["beside"]), frozenset(group["words"].split())) for group in organisms["capitalised"]
            ),
            known=_words([organisms["known"], organisms["community"]]),
            latin=tuple(content["endings"]["latin"].split()),
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


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _PARTS.split(text.lower()) if word)
