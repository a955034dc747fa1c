"""Questions: survey questions that the policy does not list, and the answers that may be stored.

Surveys ask hundreds of questions, each under its own title: "has_cat", "mouthwash_frequency". Such a title is a field
of its own if it consists of listed words, and only a listed answer or a frequency is stored. So neither can name
anybody. Many answers of one person together may single that person out, so every answer is sensitive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairdatabase.policy.text.characters import clean, fold, squash
from fairdatabase.policy.text.scalars import Scalar, plain

_LONGEST_NAME = 64
_LONGEST_ANSWER = 80
_TITLE = re.compile(r"[\w \-./,'()?&+#*:]+", re.ASCII)
# "hasCat", "HAS_CAT", "Vitamin B12": words of letters, perhaps with a number behind them.
_WORDS = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|\d+")
_MOST_NUMBERS = 2
_LONGEST_NUMBER = 2
_ANSWER_TOKENS = re.compile(r"[a-z]+|\d+|[()/<>≤≥,+~-]| ")
_MOST_OF_A_COUNT = 12
# A number alone may be an age. It is a frequency only beside one of these words.
_COUNTED = re.compile(
    r"\b(?:once|twice|times?|per|a|an|each|every|less|more|fewer|than|ago|past|last|within|least|most|cups?|glass(?:es)?|"
    r"drinks?|servings?|portions?|units?|hours?|minutes?)\b|/"
)
# A small count, or a range of them: "1-2", "3+".
_COUNT = re.compile(r"[<>]? ?(?:[0-9]|1[0-2])(?: ?(?:-|to) ?(?:[0-9]|1[0-2])| ?\+)")
_SHORTEST_WORD = 3
# Answers on a scale, and codes of answers. A single digit identifies nobody.
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Questions:
    """The words of questions and the answers to them."""

    words: frozenset[str]
    never: frozenset[str]
    """Words for which no title is a question."""
    given: frozenset[str]
    """Given names, of which some are also words."""
    answers: Mapping[str, str]
    frequency: frozenset[str]

    def name(self, title: str) -> str:
        """Return the name under which the answers to a question are stored, or "" if the title is not a question."""
        # The name may be longer than the title: "hasCat" becomes "has_cat".
        if len(title) > _LONGEST_NAME:
            return ""
        text = fold(clean(title))
        if not _TITLE.fullmatch(text):
            return ""
        words = [word.lower() for word in _WORDS.findall(text.replace("'", ""))]
        name = "_".join(words)
        if len(name) > _LONGEST_NAME or not name[:1].isalpha() or squash(name) != squash(text):
            return ""
        if not all(map(self._knows, words)):
            return ""
        numbers = sum(word.isdecimal() for word in words)
        return name if numbers <= _MOST_NUMBERS and any(len(word) >= _SHORTEST_WORD for word in words) else ""

    def answer(self, value: Scalar) -> Scalar | None:
        """Return the stored form of an answer, or None for any other value."""
        text = plain(value)
        if text in _DIGITS:
            return value
        if (stored := self.answers.get(squash(text))) is not None:
            return stored
        is_answer = _COUNT.fullmatch(text) or (len(text) <= _LONGEST_ANSWER and self._is_frequency(text.lower()))
        return text if is_answer else None

    def _knows(self, word: str) -> bool:
        if word.isdecimal():
            return len(word) <= _LONGEST_NUMBER
        if word in self.never or word in self.given:
            return False
        return word in self.words or (len(word) == 1 and word.isalpha())

    def _is_frequency(self, text: str) -> bool:
        tokens = _ANSWER_TOKENS.findall(text)
        if "".join(tokens) != text:
            return False
        numbers = [token for token in tokens if token.isdecimal()]
        words = [token for token in tokens if token.isalpha()]
        if not self.frequency.issuperset(words) or not any(len(word) >= _SHORTEST_WORD for word in words):
            return False
        if any(len(number) > _LONGEST_NUMBER or int(number) > _MOST_OF_A_COUNT for number in numbers):
            return False
        return len(numbers) <= _MOST_NUMBERS and (not numbers or _COUNTED.search(text) is not None)


def read_questions(content: Mapping[str, Any], words: frozenset[str], given: frozenset[str]) -> Questions:
    """Return the questions that a vocabulary describes. `words` are the words that values may contain."""
    answers: dict[str, str] = {}
    for answer in content["answers"]:
        stored, *_ = spellings = answer.split("|")
        answers |= {squash(spelling): stored for spelling in spellings}
    return Questions(
        words=words | frozenset(content["words"].split()),
        never=frozenset(content["never"].split()),
        given=given,
        answers=answers,
        frequency=frozenset(content["frequency"].split()),
    )
