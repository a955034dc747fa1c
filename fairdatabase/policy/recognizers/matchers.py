"""Matchers: find one identifier in a text, and how far it reaches there."""

import re
from collections.abc import Iterator
from itertools import compress, count
from typing import NamedTuple

# From this length on an identifier is found whatever separates its characters; a shorter one only as it is spelled.
LONG = 6
# A shorter one yet is found as a word of its own.
SHORT = 4
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = r"[\W_]*"
_OF_NUMBERS = frozenset("0123456789 ()./-+")


def is_code(squashed: str) -> bool:
    """Tell whether a squashed text has both letters and figures."""
    return any(c.isdigit() for c in squashed) and any(c.isalpha() for c in squashed)


class Matcher(NamedTuple):
    """One identifier: `squashed` is looked for first since that is cheap; the pattern, made when it is hit, decides."""

    squashed: str
    text: str
    # The figures of a date, in order.
    figures: tuple[str, ...] = ()
    # Too short to be looked for inside of words: "Li", "Doe".
    is_word: bool = False

    def spans(self, folded: str, squashed: str) -> Iterator[tuple[int, int]]:
        """Yield where the identifier stands in a folded text, given what `squash` makes of that."""
        if len(self.squashed) >= LONG and not self.is_word and not self.figures and folded.isascii():
            # The same as the pattern finds, without making one.
            yield from self._spans_of_long(folded, squashed)
        else:
            for match in re.finditer(self._pattern(), folded, re.IGNORECASE):
                yield match.span()

    def reaches(self, folded: str, squashed: str) -> Iterator[tuple[int, int]]:
        """Yield where it stands together with the rest of its word and the area code of a number."""
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
            # It stands there once, most often as it was given.
            start = folded.find(text)
            if start >= 0:
                yield start, start + len(text)
                return
        places = list(compress(count(), map(str.isalnum, folded)))
        while at >= 0:
            yield places[at], places[at + length - 1] + 1
            at = squashed.find(self.squashed, at + length)

    def _pattern(self) -> str:
        if self.is_word:
            return rf"(?<![^\W_]){re.escape(self.text)}(?![^\W_])"
        if self.figures:
            between = _BETWEEN if len(self.squashed) >= LONG else r"[\W_]+"
            return rf"(?<!\d){between.join(self.figures)}(?!\d)"
        if len(self.squashed) >= LONG or not self.squashed.isascii():
            return _BETWEEN.join(re.escape(c) for c in self.squashed)
        runs = _BETWEEN.join(re.escape(run) for run in _RUNS.findall(self.text))
        if len(self.squashed) >= SHORT:
            return runs
        if is_code(self.squashed):
            return rf"(?<![^\W_]){runs}(?![^\W_])"
        return re.escape(self.text)
