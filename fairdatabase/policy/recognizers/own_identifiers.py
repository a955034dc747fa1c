"""Own identifiers: the direct identifiers of a record, found and erased wherever else in the record they occur."""

import re
from collections.abc import Iterable

from fairdatabase.policy.recognizers.cues import COMMON, PARTICLES
from fairdatabase.policy.recognizers.detection import REDACTED
from fairdatabase.policy.recognizers.matchers import LONG, SHORT, Matcher, is_code
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
_NOT_DIGITS = bytes(code for code in range(128) if not chr(code).isdigit())
_NOT_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())
_DIGRAPHS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
    | {"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa", "Ø": "Oe", "Æ": "Ae"}
)
_HAS_DIGRAPH = re.compile(r"(?<![aeq])(?:ae|oe|ue)", re.IGNORECASE)
_KINDS_OF_NAMES = frozenset(("name", "email", "address"))
_LONGEST_NUMBER = 20
_FEWEST_INITIALS, _MOST_INITIALS = 3, 5
_WORDS_OF_STREETS = frozenset(
    """
    street avenue lane drive court close crescent terrace place square gardens grove boulevard parkway highway circle
    house cottage floor apartment building strasse platz allee gasse straat gracht plein chemin place quai calle avenida
    plaza paseo viale corso piazza largo travessa praca ulica aleja gatan vagen katu north south great little
    """.split()  # noqa: SIM905
)
_REST_OF_DATE = re.compile(r"(?:[./-]\d{1,2}(?!\d)[^\W_]*)+")
# More than any legitimate record contains. The limit bounds the time of a search.
_MOST_MATCHERS = 192


Evidence = tuple[str, str]
"""The kind of an identifying text, and the text. The kind is the policy's `identifies`, or "" for a possible name."""


def _transliterate(text: str) -> tuple[str, ...]:
    """Return a text, and the text with "ae" for "ä", or with "a" for "ae" if it has no such letter."""
    if not text.isascii():
        return (text, text.translate(_DIGRAPHS))
    if _HAS_DIGRAPH.search(text) and not _DIGIT.search(text):
        return (text, _HAS_DIGRAPH.sub(lambda match: match[0][0], text))
    return (text,)


def _letters_in(text: str) -> str:
    """Return the letters of a folded text in lower case."""
    if text.isascii():
        return text.encode().translate(None, _NOT_LETTERS).decode().lower()
    return "".join(_LETTERS.findall(text)).lower()


def _digits_in(text: str) -> str:
    if text.isascii():
        return text.encode().translate(None, _NOT_DIGITS).decode()
    return "".join(c for c in text if c.isdigit())


def is_description(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether the text in the place of a code is only words that say something else: "control", "none"."""
    if "@" in text or _DIGIT.search(text):
        return False
    words = [word.lower() for word in _LETTERS.findall(text)]
    return bool(words) and all(vocabulary.knows(word) and word not in vocabulary.people for word in words)


class Identifiers:
    """The direct identifiers of one record."""

    def __init__(self, evidence: Iterable[Evidence], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        # The arguments of each `Matcher`, by its squashed text. Most identifiers occur nowhere else in the record, so a
        # matcher is created only when it is needed.
        self._matchers: dict[str, tuple[str, tuple[str, ...], bool]] = {}
        # Labels without digits: a sample may have the same name as its organism.
        self._labels: set[str] = set()
        for kind, text in evidence:
            if kind:
                self._add(kind, text)
            elif self._may_be_name(text):
                self._add("name", text)

    def __bool__(self) -> bool:
        """Whether the record has identifiers."""
        return bool(self._matchers)

    @property
    def too_many(self) -> bool:
        """Whether the record has more identifiers than allowed. The excess ones are not searched for."""
        return len(self._matchers) >= _MOST_MATCHERS

    def among(self, squashed: str) -> "Identifiers":
        """Return the identifiers that may occur in a squashed text or in any part of it."""
        found = Identifiers((), self._vocabulary)
        found._labels = self._labels
        for part in self._matchers:
            if part in squashed:
                found._matchers[part] = self._matchers[part]
        return found

    def occur_in(self, text: str) -> bool:
        """Return whether an identifier occurs in the text."""
        if not self._matchers:
            return False
        folded = fold(text)
        squashed = squash(folded)
        return any(True for matcher in self._candidates(squashed) for _ in matcher.spans(folded, squashed))

    def occur_in_organism(self, text: str) -> bool:
        """Return whether an identifier occurs in the name of an organism, which may itself be the sample's label.

        A word that only names organisms identifies nobody: "human" occurs in a column "BioSampleModel" as well.
        """
        if not self._matchers or squash(text) in self._labels:
            return False
        folded = fold(text)
        squashed = squash(folded)
        return not all(
            self._names_organisms(folded[start:end])
            for matcher in self._candidates(squashed)
            for start, end in matcher.reaches(folded, squashed)
        )

    def erase(self, text: str) -> str:
        """Return the text with "[redacted]" for every word that contains an identifier. A changed text is folded."""
        folded = fold(text)
        squashed = squash(folded)
        candidates = self._candidates(squashed)
        if not candidates:
            return text
        pieces: list[str] = []
        done = 0
        # Search for all identifiers in the original text, so that overlapping ones do not hide each other.
        for start, end in sorted([span for matcher in candidates for span in matcher.reaches(folded, squashed)]):
            if start >= done:
                pieces += (folded[done:start], REDACTED)
                done = end
            elif end > done:
                # Two overlapping dates may share a year. Redact the rest of the second date too, because without the
                # year it no longer looks like a date.
                rest = _REST_OF_DATE.match(folded, end)
                done = rest.end() if rest else end
        return "".join((*pieces, folded[done:])) if pieces else text

    def _add(self, kind: str, text: str) -> None:
        if not text or len(self._matchers) >= _MOST_MATCHERS or self._vocabulary.missing.term(text) is not None:
            return
        if kind in _KINDS_OF_NAMES:
            for variant in _transliterate(text[:_LONGEST]):
                self._add_variant(kind, variant)
        else:
            self._add_variant(kind, text[:_LONGEST])

    def _add_variant(self, kind: str, text: str) -> None:
        text = fold(text)[:_LONGEST]
        if kind == "label" and not _DIGIT.search(text):
            self._labels.add(squash(text))
            if all(self._vocabulary.knows(word) for word in _LETTERS.findall(text)):
                return
        if kind == "code" and is_description(text, self._vocabulary):
            return
        if kind == "date":
            self._add_date(text)
            return
        self._add_spelling(text)
        if kind == "address":
            self._add_places(text)
        if kind == "name" or (kind == "code" and " " in text and not any(c.isdigit() for c in text)):
            self._add_names(text)
            self._add_initials(text)
        elif kind == "phone":
            digits = _digits_in(text)
            if len(digits) >= _PHONE_DIGITS:
                self._add_spelling(digits[-_PHONE_DIGITS:])
        elif kind == "email" or "@" in text:
            # Any kind of identifier may be an e-mail address, for example the name of a donor.
            local = text.split("@", 1)[0]
            self._add_spelling(local)
            self._add_names(local)
        else:
            self._add_entries(kind, text)

    def _may_be_name(self, text: str) -> bool:
        """Return whether the value of an unknown field looks like a person's name."""
        words = text.replace(",", " ").split()
        if not 2 <= len(words) <= 4 or not all(word[:1].isupper() and word[-1:].islower() for word in words):
            return False
        return not all(self._vocabulary.knows(word) for word in words)

    def _names_organisms(self, text: str) -> bool:
        """Return whether a text consists of words that name organisms, and not people."""
        names, people = self._vocabulary.organisms, self._vocabulary.people
        words = [part.lower() for part in _PARTS.findall(text)]
        return all(
            word not in people and (word in names.words or word in names.genera or word in names.epithets)
            for word in words
        )

    def _candidates(self, squashed: str) -> list[Matcher]:
        return [Matcher(part, *self._matchers[part]) for part in self._matchers if part in squashed]

    def _add_date(self, text: str) -> None:
        readings = read_date(text)
        if not readings:
            self._add_spelling(text)
        for reading in readings:
            if not reading.day:
                continue
            written = write_date(reading)
            _, month, day = written[0]
            matchers = self._matchers
            matchers.setdefault(day + month, (text, (day, month), True))
            matchers.setdefault(month + day, (text, (month, day), True))
            for digits in written:
                first, second, third = digits
                matchers[first + second + third] = (text, digits, False)

    def _add_initials(self, text: str) -> None:
        initials = "".join(part[0] for part in _LETTERS.findall(text) if part.lower() not in PARTICLES).lower()
        if _FEWEST_INITIALS <= len(initials) <= _MOST_INITIALS and not self._vocabulary.knows(initials):
            self._matchers.setdefault(initials, (initials, (), True))

    def _add_places(self, text: str) -> None:
        """Add the words and postcodes of an address, which may stand in any order elsewhere."""
        for part in _PARTS.findall(text):
            low = part.lower()
            is_number = part.isdigit() and len(part) >= SHORT
            is_name = part.isalpha() and len(part) > SHORT and not self._vocabulary.knows(low)
            is_plain = low in COMMON or low in _WORDS_OF_STREETS or low in self._vocabulary.countries
            if is_number or (is_name and not is_plain):
                self._matchers.setdefault(low, (part, (), True))

    def _add_numbers(self, text: str) -> None:
        """Add the other ways to write a code of letters and digits: "017-P", "P17", "17" reversed."""
        letters, digits = _letters_in(text), _digits_in(text)
        bare, matchers = digits.lstrip("0"), self._matchers
        if letters and len(letters) <= SHORT and len(bare) >= _NAME_PART:
            for code in (digits + letters, letters + bare, bare + letters):
                matchers.setdefault(code, (code, (), True))
        if len(bare) >= LONG:
            for code in (bare, digits[::-1]):
                matchers.setdefault(squash(code), (code, (), False))

    def _add_names(self, text: str) -> None:
        for part in _LETTERS.findall(text):
            if len(part) >= SHORT or not part.isascii():
                self._add_spelling(part)
            elif len(part) >= _NAME_PART:
                self._matchers.setdefault(part.lower(), (part, (), True))
            if len(part) >= LONG:
                self._add_spelling(part[::-1])
            if len(part) > _NAME_PART and part.lower() == part.upper():
                # In a script without capitals, the first character may be the family name and the rest the given name.
                self._add_spelling(part[1:])

    def _add_entries(self, kind: str, text: str) -> None:
        if kind == "code" and len(text) <= _LONGEST_NUMBER and _DIGIT.search(text):
            self._add_numbers(text)
        if text.isalnum():
            return
        if _ENTRIES.search(text):
            for entry in _ENTRIES.split(text):
                self._add_spelling(entry, shortest=LONG)
        for part in _PARTS.findall(text):
            if part != text and len(part) >= LONG and part.lower() not in self._matchers and _DIGIT.search(part):
                self._add_spelling(part)

    def _add_spelling(self, text: str, shortest: int = 1) -> None:
        text = text.strip()
        squashed = squash(text)
        if len(squashed) < shortest or squashed in self._matchers:
            return
        if len(squashed) >= SHORT or not squashed.isascii() or len(text) >= SHORT or is_code(squashed):
            self._matchers[squashed] = (text, (), False)
