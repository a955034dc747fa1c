"""Redaction: a record's own direct identifiers, found and erased wherever else in the record they stand."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from privacy_svc.characters import fold, squash
from privacy_svc.dates import read_date, write_date
from privacy_svc.patterns import REDACTED
from privacy_svc.vocabulary import Vocabulary

# From this length on an identifier is found whatever separates its characters; a shorter one only as it is spelled.
_LONG = 6
# A shorter one yet is found as a word of its own.
_SHORT = 4
_LONGEST = 128
_NAME_PART = 2
_PHONE_DIGITS = 7
_ENTRIES = re.compile(r"[;,|\n]")
_PARTS = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = r"[\W_]*"
_OF_NUMBERS = frozenset("0123456789 ()./-+")
# More marks than any honest record gives; they cost time.
_MOST_MARKS = 192


class _Mark(NamedTuple):
    """One identifier: `squashed` is looked for first since that is cheap; the pattern, made when it is hit, decides."""

    squashed: str
    text: str
    # The figures of a date, in order.
    figures: tuple[str, ...] = ()
    # Too short to be looked for inside of words: "Li", "Doe".
    is_word: bool = False

    def spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yield where the identifier stands in a folded text."""
        if len(self.squashed) >= _LONG and not self.is_word and not self.figures and folded.isascii():
            # The same as the pattern finds, without making one.
            places = [place for place, c in enumerate(folded) if c.isalnum()]
            squashed, length = squash(folded), len(self.squashed)
            at = squashed.find(self.squashed)
            while at >= 0:
                yield places[at], places[at + length - 1] + 1
                at = squashed.find(self.squashed, at + length)
        else:
            for match in re.finditer(self._pattern(), folded, re.IGNORECASE):
                yield match.span()

    def _pattern(self) -> str:
        if self.is_word:
            return rf"(?<![^\W_]){re.escape(self.text)}(?![^\W_])"
        if self.figures:
            between = _BETWEEN if len(self.squashed) >= _LONG else r"[\W_]+"
            return rf"(?<!\d){between.join(self.figures)}(?!\d)"
        if len(self.squashed) >= _LONG or not self.squashed.isascii():
            return _BETWEEN.join(re.escape(c) for c in self.squashed)
        runs = _BETWEEN.join(re.escape(run) for run in _RUNS.findall(self.text))
        if len(self.squashed) >= _SHORT:
            return runs
        if _is_code(self.squashed):
            return rf"(?<![^\W_]){runs}(?![^\W_])"
        return re.escape(self.text)


class Identifiers:
    """The direct identifiers of one record."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._marks: dict[str, _Mark] = {}
        # Labels that are ordinary words, such as a sample that is named as its organism.
        self._labels: set[str] = set()

    @property
    def too_many(self) -> bool:
        """Whether there are more than a record may hold; the further ones are not searched for."""
        return len(self._marks) >= _MOST_MARKS

    def add(self, kind: str, text: str) -> None:
        """Take up a direct identifier unless it is a missing-value term; `kind` is the policy's `identifies`."""
        if not text or self.too_many or self._vocabulary.missing_term(text) is not None:
            return
        text = fold(text)[:_LONGEST]
        if kind == "label" and not _DIGIT.search(text):
            self._labels.add(squash(text))
            if all(self._vocabulary.knows(word) for word in _LETTERS.findall(text)):
                return
        if kind == "date":
            self._add_date(text)
            return
        self._add_spelling(text)
        if kind == "name" or (kind == "code" and " " in text and not any(c.isdigit() for c in text)):
            self._add_names(text)
        elif kind == "phone":
            digits = "".join(c for c in text if c.isdigit())
            if len(digits) >= _PHONE_DIGITS:
                self._add_spelling(digits[-_PHONE_DIGITS:])
        elif kind == "email" or "@" in text:
            # Also a donor who goes by an address.
            local = text.split("@", 1)[0]
            self._add_spelling(local)
            self._add_names(local)
        else:
            self._add_entries(text)

    def add_if_name(self, text: str) -> None:
        """Take up the value of an unknown field when it reads as a person's name."""
        words = text.replace(",", " ").split()
        if not 2 <= len(words) <= 4 or not all(word[:1].isupper() and word[-1:].islower() for word in words):
            return
        if not all(self._vocabulary.knows(word) for word in words):
            self.add("name", text)

    def are_absent(self, texts: Iterable[str]) -> bool:
        """Tell cheaply that none of the texts holds an identifier; False means that it must be looked for in each."""
        joined = squash("\n".join(texts))
        for squashed in self._marks:  # noqa: SIM110  # a generator would take longer than the search
            if squashed in joined:
                return False
        return True

    def stand_in(self, text: str) -> bool:
        """Tell whether an identifier stands in the text."""
        folded = fold(text)
        return any(True for mark in self._hits(folded) for _ in mark.spans(folded))

    def stand_in_organism(self, text: str) -> bool:
        """Tell whether an identifier stands in the name of an organism, which may itself be the sample's label."""
        if squash(text) in self._labels:
            return False
        return self.stand_in(text)

    def erase(self, text: str) -> str:
        """Return the text with "[redacted]" for every word that holds an identifier; folded if there was one."""
        folded = erased = fold(text)
        for mark in sorted(self._hits(folded), key=lambda mark: len(mark.squashed), reverse=True):
            erased = _erase(mark, erased)
        return text if erased == folded else erased

    def _hits(self, folded: str) -> list[_Mark]:
        squashed = squash(folded)
        return [mark for mark in self._marks.values() if mark.squashed in squashed]

    def _add_date(self, text: str) -> None:
        readings = read_date(text)
        if not readings:
            self._add_spelling(text)
        for reading in readings:
            if not reading.day:
                continue
            for figures in write_date(reading):
                squashed = "".join(figures)
                self._marks[squashed] = _Mark(squashed, text, figures)

    def _add_names(self, text: str) -> None:
        for part in _LETTERS.findall(text):
            if len(part) >= _SHORT or not part.isascii():
                self._add_spelling(part)
            elif len(part) >= _NAME_PART:
                self._marks.setdefault(part.lower(), _Mark(part.lower(), part, is_word=True))
            if len(part) > _NAME_PART and part.lower() == part.upper():
                # A script without capitals: the family name is the first character, and the given name stands alone.
                self._add_spelling(part[1:])

    def _add_entries(self, text: str) -> None:
        if _ENTRIES.search(text):
            for entry in _ENTRIES.split(text):
                if len(squash(entry)) >= _LONG:
                    self._add_spelling(entry)
        for part in _PARTS.findall(text):
            if part != text and len(part) >= _LONG and _DIGIT.search(part):
                self._add_spelling(part)

    def _add_spelling(self, text: str) -> None:
        text = text.strip()
        squashed = squash(text)
        if not squashed or squashed in self._marks:
            return
        if len(squashed) >= _SHORT or not squashed.isascii() or len(text) >= _SHORT or _is_code(squashed):
            self._marks[squashed] = _Mark(squashed, text)


def _is_code(squashed: str) -> bool:
    return any(c.isdigit() for c in squashed) and any(c.isalpha() for c in squashed)


def _erase(mark: _Mark, text: str) -> str:
    """Return the text without the mark and the rest of its word; of a number, without its area code too."""
    pieces: list[str] = []
    done = 0
    for start, end in mark.spans(text):
        if start < done:
            continue
        if mark.squashed.isdigit():
            while start > done and text[start - 1] in _OF_NUMBERS:
                start -= 1
            while text[start] in " ./-":
                start += 1
        while start > done and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        pieces += (text[done:start], REDACTED)
        done = end
    return "".join((*pieces, text[done:]))
