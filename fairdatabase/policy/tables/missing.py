"""Missing values: the texts that mean "no value". The whole platform uses this one definition."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fairdatabase.policy.text.characters import clean

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")
_LONGEST = 30


@dataclass(frozen=True, slots=True)
class MissingTerms:
    """The [missing] section of vocabulary.toml, ready for look-up."""

    stored: dict[str, str]
    """The stored text for each lowercase spelling: an INSDC term, or "" for a blank."""
    in_tables: frozenset[str]
    """Further spellings that mean "no value" among the numbers of a table."""
    first: frozenset[str]
    """Characters with which a spelling may begin. A text that begins with another character needs no look-up."""
    last: frozenset[str]

    def term(self, text: str) -> str | None:
        """Return the missing-value term that a clean text means: "" for a blank, None for a value."""
        if len(text) > _LONGEST:
            return None
        if text and (text[0] not in self.first or text[-1] not in self.last):
            return None
        return self.stored.get(text.lower().replace("_", " ").replace("-", " ").removeprefix("missing: ").strip())

    def in_table(self, text: str) -> bool:
        """Return whether a cell of a table means "no value". The text need not be clean."""
        text = clean(text)
        return self.term(text) is not None or text.lower() in self.in_tables


def read_missing(terms: Iterable[str], blanks: Iterable[str], in_tables: Iterable[str]) -> MissingTerms:
    """Return the missing-value terms that a vocabulary lists."""
    terms = list(terms)
    stored = dict.fromkeys(("", *blanks), "") | {term.replace(" ", ""): term for term in terms}
    stored |= {term: term for term in terms}
    spellings = [spelling for spelling in stored if spelling]
    return MissingTerms(
        stored=stored,
        in_tables=frozenset(in_tables),
        first=frozenset("_-mM").union(*((spelling[0], spelling[0].upper()) for spelling in spellings)),
        last=frozenset("_-").union(*((spelling[-1], spelling[-1].upper()) for spelling in spellings)),
    )


@cache
def missing_terms() -> MissingTerms:
    """Return the platform's missing-value terms, for callers that need no other part of the vocabulary."""
    return read_missing(**tomllib.loads(VOCABULARY_FILE.read_text(encoding="utf-8"))["missing"])
