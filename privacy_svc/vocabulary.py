"""Vocabulary: the words, countries and missing-value terms that stored values may consist of."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from privacy_svc.characters import squash

_FILE = Path(__file__).with_name("vocabulary.toml")
_PARTS = re.compile(r"[\s-]+")
# Shorter words end like anything.
_SHORTEST_WITH_ENDING = 6


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

    missing: dict[str, str]
    blanks: frozenset[str]
    words: frozenset[str]
    endings: tuple[str, ...]
    countries: dict[str, str]
    ontologies: frozenset[str]
    organisms: OrganismNames

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
    return Vocabulary(
        missing={squash(term): term for term in content["missing"]["terms"]},
        blanks=frozenset(squash(term) for term in content["missing"]["blanks"]),
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
