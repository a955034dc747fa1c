"""Missing values: the texts that mean "no value". The whole platform uses this one definition."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fairdatabase.policy.text.characters import clean

VOCABULARY_FILE = Path(__file__).with_name("vocabulary.toml")
_LONGEST = 60
_WRAPPED = re.compile(r"\[([^\[\]]*)\]|\(([^()]*)\)|<([^<>]*)>|'([^']*)'|\"([^\"]*)\"|'(--+)")
_GAPS = re.compile(r"[\s_-]+")
# The reporting terms of INSDC give a reason after this word: "missing: lab stock".
_MISSING = re.compile(r"missing(?: ?[:;,/] ?| )")


@dataclass(frozen=True, slots=True)
class MissingTerms:
    """The [missing] section of vocabulary.toml, ready for look-up."""

    stored: dict[str, str]
    """The stored text for each spelling: an INSDC term, or "" for a blank. Spellings have no case and single spaces."""
    reasons: dict[str, str]
    """The stored text for each reason that may follow "missing:"."""
    in_tables: frozenset[str]
    """Further spellings that mean "no value" instead of a number, a date, a place or an id."""
    ends: frozenset[str]
    """The first and the last character of each spelling, in any case. A text with other ends needs no look-up."""

    def term(self, text: str) -> str | None:
        """Return the missing-value term that a clean text means: "" for a blank, None for a value."""
        if len(text) > _LONGEST:
            return None
        if text and text[0] + text[-1] not in self.ends:
            return None
        if (found := self.stored.get(text.lower())) is not None:
            return found
        if text == "-":
            # "negative" in some fields.
            return None
        text = _spelt(text)
        if (found := self.stored.get(text)) is not None:
            return found
        if match := _MISSING.match(text):
            reason = text[match.end() :]
            return self.reasons.get(reason) or self.stored.get(reason)
        return None

    def in_table(self, text: str) -> bool:
        """Return whether a cell with a number, date, place or id means "no value". The text need not be clean."""
        text = clean(text)
        if self.term(text) is not None or text.lower() in self.in_tables:
            return True
        # Letters, digits and points are spelt as they are, so a number needs no second look-up.
        return not text.replace(".", "").isalnum() and _spelt(text) in self.in_tables


def _spelt(text: str) -> str:
    """Return a text in lower case, without brackets or quotation marks around it, and with spaces as its only gaps."""
    if match := _WRAPPED.fullmatch(text):
        text = next(part for part in match.groups() if part is not None)
    return _GAPS.sub(" ", text.lower()).strip()


def read_missing(
    terms: Iterable[str],
    reasons: Iterable[str],
    blanks: Iterable[str],
    in_tables: Iterable[str],
    synonyms: Mapping[str, Iterable[str]],
) -> MissingTerms:
    """Return the missing-value terms that a vocabulary lists."""
    terms = list(terms)
    stored = dict.fromkeys(("", *blanks), "") | {term.replace(" ", ""): term for term in terms}
    stored |= {_spelt(term): term for term in terms}
    stored |= {_spelt(other): term for term, others in synonyms.items() for other in others}
    spellings = [spelling for spelling in stored if spelling]
    reasons = {_spelt(reason): f"missing: {reason}" for reason in reasons}
    ends = {(spelling[0], spelling[-1]) for spelling in spellings}
    ends |= {("m", spelling[-1]) for spelling in (*spellings, *reasons)}
    # Brackets and quotation marks around a spelling, and gaps at its ends.
    ends |= {(first, last) for first in "[(<'\"_-" for last in "])>'\"_-"}
    ends |= {(first, last) for first, _ in ends for last in "_-"}
    ends |= {(first, last) for first in "_-" for _, last in ends}
    return MissingTerms(
        stored=stored,
        reasons=reasons,
        in_tables=frozenset(in_tables),
        ends=frozenset(
            one + other for first, last in ends for one in (first, first.upper()) for other in (last, last.upper())
        ),
    )


@cache
def missing_terms() -> MissingTerms:
    """Return the platform's missing-value terms, for callers that need no other part of the vocabulary."""
    return read_missing(**tomllib.loads(VOCABULARY_FILE.read_text(encoding="utf-8"))["missing"])
