"""Matchers: each finds one identifier in a text, and the span to redact."""

import re
from collections.abc import Iterator
from itertools import compress, count
from typing import NamedTuple

from fairdatabase.policy.text.characters import squash

# An identifier of at least this length is found whatever separates its characters. A shorter one must be spelled as
# given.
LONG = 6
# An identifier shorter than this is found only as a separate word, or with its separators as given.
SHORT = 4
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = r"[\W_]*"
_BETWEEN_LETTERS = r"[._ -]{0,2}"
# For each ASCII character, 1 if it is a letter or digit, else 0.
_IS_ALPHANUMERIC = bytes(chr(code).isalnum() for code in range(128)) + bytes(128)
_OF_NUMBERS = frozenset("0123456789 ()./-+")


def is_code(squashed: str) -> bool:
    """Return whether a squashed text has both letters and digits."""
    return any(c.isdigit() for c in squashed) and any(c.isalpha() for c in squashed)


class Matcher(NamedTuple):
    """Finds one identifier. The cheap search for `squashed` comes first; then the pattern decides."""

    squashed: str
    text: str
    # The groups of digits of a date, in order.
    digits: tuple[str, ...] = ()
    # Whether the identifier is too short to be searched for inside other words: "Li", "Doe".
    is_word: bool = False

    def spans(self, folded: str, squashed: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of the identifier in a folded text; `squashed` is the same text, squashed."""
        if len(self.squashed) >= LONG and not self.is_word and not self.digits and folded.isascii():
            # Finds the same spans as the pattern, without compiling it.
            yield from self._spans_of_long(folded, squashed)
        else:
            for match in re.finditer(self._pattern(), folded, re.IGNORECASE):
                yield match.span()

    def reaches(self, folded: str, squashed: str) -> Iterator[tuple[int, int]]:
        """Yield each span of the identifier, extended to the whole word and, for a number, to its area code."""
        done = 0
        for start, end in self.spans(folded, squashed):
            if start < done:
                continue
            if self.squashed.isdigit():
                while start > done and folded[start - 1] in _OF_NUMBERS:
                    start -= 1
                while folded[start] in " ./-":
                    start += 1
            while start > done and folded[start - 1].isalnum():
                start -= 1
            while end < len(folded) and folded[end].isalnum():
                end += 1
            yield start, end
            done = end

    def _spans_of_long(self, folded: str, squashed: str) -> Iterator[tuple[int, int]]:
        text, length = self.text, len(self.squashed)
        at = squashed.find(self.squashed)
        if at == squashed.rfind(self.squashed) and text[0].isalnum() and text[-1].isalnum():
            # The identifier occurs once, and is usually spelled as given.
            start = folded.find(text)
            if start >= 0:
                yield start, start + len(text)
                return
        places = list(compress(count(), folded.encode().translate(_IS_ALPHANUMERIC)))
        while at >= 0:
            yield places[at], places[at + length - 1] + 1
            at = squashed.find(self.squashed, at + length)

    def _pattern(self) -> str:
        if self.is_word and self.digits:
            # Day and month without a year. A dash may be the one of a range.
            return rf"(?<![\d./-]){'[./]'.join(self.digits)}(?![\d/-]|\.\d)"
        if self.is_word:
            return rf"(?<![^\W_]){_BETWEEN_LETTERS.join(map(re.escape, squash(self.text)))}(?![^\W_])"
        if self.digits:
            between = _BETWEEN if len(self.squashed) >= LONG else r"[\W_]+"
            return rf"(?<!\d){between.join(self.digits)}(?!\d)"
        if len(self.squashed) >= LONG or not self.squashed.isascii():
            return _BETWEEN.join(re.escape(c) for c in self.squashed)
        runs = _BETWEEN.join(re.escape(run) for run in _RUNS.findall(self.text))
        if len(self.squashed) >= SHORT:
            return runs
        if is_code(self.squashed):
            return rf"(?<![^\W_]){runs}(?![^\W_])"
        return re.escape(self.text)
