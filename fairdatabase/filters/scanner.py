"""Reads the tokens of a filter, one after the other."""

import re

WORD = re.compile(r'[^\s"()=<>!]+')


class FilterError(ValueError):
    """The text is not a valid filter. Says what was expected where; quotes nothing, because values may be personal."""

    def __init__(self, position: int, expected: str) -> None:
        super().__init__(f"at character {position + 1}: expected {expected}")


class Scanner:
    """A position in a text, always at the start of a token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self._skip_space()

    def _skip_space(self) -> None:
        while self.at < len(self._text) and self._text[self.at].isspace():
            self.at += 1

    def at_end(self) -> bool:
        return self.at == len(self._text)

    def peek(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self._text, self.at)
        return found[0] if found else None

    def take(self, pattern: re.Pattern[str], *, skip_space: bool = True) -> str | None:
        found = self.peek(pattern)
        if found is not None:
            self.at += len(found)
            if skip_space:
                self._skip_space()
        return found

    def take_and(self) -> None:
        start = self.at
        word = self.take(WORD)
        if word == "AND" and not self.at_end():
            return
        if word == "AND":
            raise FilterError(self.at, "a comparison after AND")
        if word == "OR":
            raise FilterError(start, "AND (OR is not supported)")
        raise FilterError(start, "AND, in upper case, or the end")
