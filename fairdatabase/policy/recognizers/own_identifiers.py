"""Redaction: a record's own direct identifiers, found and erased wherever else in the record they stand."""

import re

from fairdatabase.policy.recognizers.detection import REDACTED
from fairdatabase.policy.recognizers.matchers import LONG, SHORT, Mark, is_code
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold, squash
from fairdatabase.policy.text.dates import read_date, write_date

_LONGEST = 128
_NAME_PART = 2
_PHONE_DIGITS = 7
_ENTRIES = re.compile(r"[;,|\n]")
_PARTS = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_REST_OF_DATE = re.compile(r"(?:[./-]\d{1,2}(?!\d)[^\W_]*)+")
# More marks than any honest record gives; they cost time.
_MOST_MARKS = 192


class Identifiers:
    """The direct identifiers of one record."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        # The marks by what is looked for, each as the rest of a `Mark`: most are never hit and so never made.
        self._marks: dict[str, tuple[str, tuple[str, ...], bool]] = {}
        # Labels that are ordinary words, such as a sample that is named as its organism.
        self._labels: set[str] = set()

    @property
    def too_many(self) -> bool:
        """Whether there are more than a record may hold; the further ones are not searched for."""
        return len(self._marks) >= _MOST_MARKS

    def add(self, kind: str, text: str) -> None:
        """Take up a direct identifier unless it is a missing-value term; `kind` is the policy's `identifies`."""
        if not text or len(self._marks) >= _MOST_MARKS or self._vocabulary.missing.term(text) is not None:
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

    def are_absent(self, squashed: str) -> bool:
        """Tell cheaply that no text holds an identifier of which `squashed` holds every part."""
        for part in self._marks:  # noqa: SIM110  # a generator would take longer than the search
            if part in squashed:
                return False
        return True

    def stand_in(self, text: str) -> bool:
        """Tell whether an identifier stands in the text."""
        folded = fold(text)
        squashed = squash(folded)
        return any(True for mark in self._hits(squashed) for _ in mark.spans(folded, squashed))

    def stand_in_organism(self, text: str) -> bool:
        """Tell whether an identifier stands in the name of an organism, which may itself be the sample's label."""
        if squash(text) in self._labels:
            return False
        return self.stand_in(text)

    def erase(self, text: str) -> str:
        """Return the text with "[redacted]" for every word that holds an identifier; folded if there was one."""
        folded = fold(text)
        squashed = squash(folded)
        hits = self._hits(squashed)
        if not hits:
            return text
        pieces: list[str] = []
        done = 0
        # All are looked for in what was written: of two that overlap neither may hide the other.
        for start, end in sorted([span for mark in hits for span in mark.reaches(folded, squashed)]):
            if start >= done:
                pieces += (folded[done:start], REDACTED)
                done = end
            elif end > done:
                # Two dates that share a year: what is left of the second one shows no form any more.
                rest = _REST_OF_DATE.match(folded, end)
                done = rest.end() if rest else end
        return "".join((*pieces, folded[done:])) if pieces else text

    def _hits(self, squashed: str) -> list[Mark]:
        return [Mark(part, *self._marks[part]) for part in self._marks if part in squashed]

    def _add_date(self, text: str) -> None:
        readings = read_date(text)
        if not readings:
            self._add_spelling(text)
        for reading in readings:
            if not reading.day:
                continue
            for figures in write_date(reading):
                self._marks["".join(figures)] = (text, figures, False)

    def _add_names(self, text: str) -> None:
        for part in _LETTERS.findall(text):
            if len(part) >= SHORT or not part.isascii():
                self._add_spelling(part)
            elif len(part) >= _NAME_PART:
                self._marks.setdefault(part.lower(), (part, (), True))
            if len(part) > _NAME_PART and part.lower() == part.upper():
                # A script without capitals: the family name is the first character, and the given name stands alone.
                self._add_spelling(part[1:])

    def _add_entries(self, text: str) -> None:
        if text.isalnum():
            return
        if _ENTRIES.search(text):
            for entry in _ENTRIES.split(text):
                self._add_spelling(entry, shortest=LONG)
        for part in _PARTS.findall(text):
            if part != text and len(part) >= LONG and part.lower() not in self._marks and _DIGIT.search(part):
                self._add_spelling(part)

    def _add_spelling(self, text: str, shortest: int = 1) -> None:
        text = text.strip()
        squashed = squash(text)
        if len(squashed) < shortest or squashed in self._marks:
            return
        if len(squashed) >= SHORT or not squashed.isascii() or len(text) >= SHORT or is_code(squashed):
            self._marks[squashed] = (text, (), False)
