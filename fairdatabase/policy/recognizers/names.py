"""Names: finds the names of people in free text, by their lists, by their capitals and by the words before them."""

import re
import unicodedata
from typing import NamedTuple

from fairdatabase.policy.recognizers.cues import (
    AFTER_MR,
    BY,
    COMMON,
    GERMAN,
    GERMAN_ENDINGS,
    HANDLED,
    INTRODUCTIONS,
    ORDINARY_ENDINGS,
    PARTICLES,
    PEOPLES,
    PRODUCTS,
    RELATIONS,
    TITLE_PARTS,
    TITLES,
    UNSURE_TITLES,
    WEEKDAYS,
)
from fairdatabase.policy.tables.lexicon import NAME, Listed
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import squash
from fairdatabase.policy.text.dates import MONTH_NAMES

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# In some scripts a vowel is a combining mark, and a single character may be a whole name.
_MARKS = "".join(
    chr(code)
    for codes in (range(0x300, 0x1D00), range(0x302A, 0x309B), range(0xA66F, 0xABF0), range(0x11000, 0x11FFF))
    for code in codes
    if unicodedata.category(chr(code)).startswith("M")
)
_WORD_OF_ANY_SCRIPT = re.compile(rf"[^\W\d_](?:['’]?[^\W\d_]|[{_MARKS}])*")
_INTRODUCTION = re.compile(rf"(?<![^\W_])(?:{INTRODUCTIONS})[\s:,\"'(]{{0,3}}", re.IGNORECASE)
# Words of which one stands in every introduction.
_INTRODUCTION_WORDS = frozenset(
    """
    initial initials initialen initiales initiale iniziali iniciales iniciais initialer inicjaly nimikirjaimet
    name names named naam nom prenom nombre apellido apellidos nome cognome apelido apelidos appelle appelez llamo
    llama chiamo chiama chamo chama namn navn nimeni nimensa nimi nazywam nazwa nazywa imie nazwisko heisse heisst
    heiss bin heet heter hedder called known goes signed regards jmenuji jmenuje jmeno
    """.split()  # noqa: SIM905
)
# A word with a capital, in ASCII text.
_CAPITALISED = re.compile(r"[a-z]*'?[A-Z](?:'?[A-Za-z])+")
# "Aunt of", before a name.
_OF = frozenset("of di de da do van von till to til od".split())  # noqa: SIM905
_MONTHS = frozenset(MONTH_NAMES.split("|"))
_BEFORE_NAMES = TITLES | UNSURE_TITLES | RELATIONS
_CUES = _BEFORE_NAMES | HANDLED
_NAME, _ORDINARY, _PROPER = int(NAME), int(Listed.ORDINARY), int(Listed.PROPER)
_GIVEN, _SURNAME = int(Listed.GIVEN), int(Listed.SURNAME)
# "d'Illumina", "dell'Illumina".
_ELIDED = re.compile(r"(?:[dlcsnmtj]|qu|un|dell|nell|all|dall|sull)['’]")
# Between a cue and its name, and between the parts of a name.
_GAP = re.compile(r"[\s.:,'\"’(-]{1,3}$")
_PART_GAP = re.compile(r"\.? |-|, ?")
_ENDS_SENTENCE = frozenset(".!?:;\n•*-–(\"'/|>[")
# A gene and its letter: "mecA", "blaTEM".
_GENE = re.compile(
    r"(?:van|mec|tet|erm|rpo|gyr|dna|rec|par|bla|sul|aac|aph|qnr|mcr|cfi|nim|lux|fim|csg|but|bai|nif|amo|dsr|nos|"
    r"nir|nar|fad|lac|ara|gal|gus"
    r"|cut|bsh|hsd|cps|tcd|stx|eae|cag|vac|ure|fli|flg|che|omp|lpx|msh|qse|lsr|agr|sae|clf|spa|pvl|cat|dfr|str|flo|"
    r"mef|msr|lnu|cfr|opt|fus|mup"
    r"|q|m|t|r|s|mi|si|sn|sno|lnc|c|g|cf|ds|ss|p|h|n|m)[A-Z]{1,4}"
)
# An acronym beside digits: "FUT2", "PAO1".
_LONGEST_ACRONYM = 6
_MOST_DIGITS_OF_CODE = 3
_MOST_PARTS = 5
_SHORTEST_NAME = 2
_SHORTEST_LISTED = 3
_GERMAN_WORDS = 1
_SHORTEST_COMPOUND = 8


class _Word(NamedTuple):
    text: str
    low: str
    start: int
    end: int


def find_names(text: str, words: frozenset[str], vocabulary: Vocabulary) -> list[tuple[int, int]]:
    """Return the spans of words of a folded text that may name somebody. The text has no words but these."""
    introduces = not _INTRODUCTION_WORDS.isdisjoint(words)
    has_cue = introduces or not _BEFORE_NAMES.isdisjoint(words)
    has_cue = has_cue or not (HANDLED.isdisjoint(words) or BY.isdisjoint(words))
    if not has_cue and _has_no_names(text, words, vocabulary):
        return []
    return _Finder(text, vocabulary).find(introduces=introduces)


def _has_no_names(text: str, words: frozenset[str], vocabulary: Vocabulary) -> bool:
    """Return True if a cheap check shows that no word without a cue is a name. On False, each word must be judged."""
    if not text.isascii():
        return False
    if not text.islower() and not all(map(vocabulary.knows, _CAPITALISED.findall(text))):
        return False
    name_flags = vocabulary.lexicon.name_flags
    return not any(map(name_flags, words - vocabulary.words - COMMON - PRODUCTS))


class _Finder:
    """Judges the words of one text."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        pattern = _WORD if text.isascii() else _WORD_OF_ANY_SCRIPT
        self._words = [_Word(match[0], match[0].lower(), *match.span()) for match in pattern.finditer(text)]
        self._is_german = len(GERMAN.intersection([word.low for word in self._words])) >= _GERMAN_WORDS
        self._named: set[int] = set()

    def find(self, *, introduces: bool) -> list[tuple[int, int]]:
        words, known = self._words, self._vocabulary.words
        for at, word in enumerate(words):
            if word.low in _CUES:
                self._after_cue(at, word)
            if at in self._named:
                continue
            if self._has_initial(at, word):
                continue
            if word.text == word.low and word.text.isascii():
                if word.low not in known and len(word.low) >= _SHORTEST_LISTED and self._is_listed_name(at, word):
                    self._named.add(at)
            elif not self._is_harmless(at, word):
                self._named.add(at)
        if introduces:
            self._after_introductions()
        self._extend()
        return [(words[at].start, words[at].end) for at in sorted(self._named)]

    def _has_initial(self, at: int, word: _Word) -> bool:
        """Name "C. Montanari" and "Montanari C." if the word is a name or unknown, and return whether it did."""
        following = self._words[at + 1] if at + 1 < len(self._words) else None
        if following is None or not (word.text[:1].isupper() and following.text[:1].isupper()):
            return False
        single, name = (word, following) if len(word.text) == 1 else (following, word)
        between, behind = self._between(at), self._text[following.end : following.end + 1]
        if len(single.text) != 1 or len(name.text) < _SHORTEST_LISTED or not name.text[1:].islower():
            return False
        if not (between == ". " if single is word else between == " " and behind == "."):
            return False
        flags = self._vocabulary.lexicon.flags(name.low)
        if self._knows(name.low) or (flags & _ORDINARY and not flags & _NAME) or self._is_organism(name.low):
            return False
        self._named.update((at, at + 1))
        return True

    def _is_organism(self, low: str) -> bool:
        organisms = self._vocabulary.organisms
        return low in organisms.genera or low in organisms.epithets

    def _is_harmless(self, at: int, word: _Word) -> bool:
        """Return whether a word with capitals names nobody."""
        text, low, vocabulary = word.text, word.low, self._vocabulary
        if not text.isascii():
            # Other scripts mark names differently or not at all, so every word with such a letter must be known.
            return vocabulary.knows(low)
        if len(text) == 1 or vocabulary.knows(text) or vocabulary.numbers.knows(low):
            return True
        if low in COMMON or low in PRODUCTS or low in PEOPLES or low in WEEKDAYS or low in _MONTHS:
            return True
        if not text[0].isupper() and _GENE.fullmatch(text):
            return True
        if len(low) > _SHORTEST_LISTED and squash(low) in vocabulary.countries:
            return True
        flags = vocabulary.lexicon.flags(low)
        is_written_as_usual = text[1:].islower() or text.isupper()
        if flags & _NAME:
            if not flags & _ORDINARY or flags & _GIVEN or not is_written_as_usual:
                return False
            return (self._is_german and text[1:].islower()) or self._begins_sentence(word)
        if flags & _ORDINARY and is_written_as_usual:
            return not flags & _PROPER or text.isupper() or self._is_german or self._begins_sentence(word)
        if text.isupper() and len(text) <= _LONGEST_ACRONYM and self._is_beside_digits(word):
            return True
        if elided := _ELIDED.match(low):
            cut = elided.end()
            return text[cut:].islower() or self._is_harmless(at, word._replace(text=text[cut:], low=low[cut:]))
        if low.endswith("'s"):
            return self._is_harmless(at, word._replace(text=text[:-2], low=low[:-2]))
        if not flags and len(low) >= _SHORTEST_COMPOUND and low.endswith(GERMAN_ENDINGS):
            return True
        is_long = not flags and len(low) >= _SHORTEST_COMPOUND
        return is_long and low.endswith(ORDINARY_ENDINGS) and self._begins_sentence(word)

    def _is_listed_name(self, at: int, word: _Word) -> bool:
        """Return whether a lowercase word is a listed name and nothing else, or is followed by a listed surname."""
        flags = self._vocabulary.lexicon.name_flags(word.low)
        if self._knows(word.low):
            return False
        if not flags:
            # An unlisted given name before a listed surname.
            return self._is_before_surname(at) and not self._vocabulary.lexicon.flags(word.low) & _ORDINARY
        if not flags & _ORDINARY:
            return True
        return bool(flags & _GIVEN) and self._is_before_surname(at)

    def _is_before_surname(self, at: int) -> bool:
        following = self._next(at)
        if following is None or following.low in COMMON or self._between(at) not in (" ", ", "):
            return False
        return bool(self._vocabulary.lexicon.name_flags(following.low) & _SURNAME) and not self._knows(following.low)

    def _knows(self, low: str) -> bool:
        return low in COMMON or low in PRODUCTS or self._vocabulary.knows(low)

    def _after_cue(self, at: int, word: _Word) -> None:
        following = self._next(at)
        if following is None:
            return
        if word.low in HANDLED:
            if following.low in BY and (name := self._next(at + 1)) and self._may_be_name(name):
                self._take(at + 2)
            return
        if word.low in RELATIONS:
            if following.low in _OF and (name := self._next(at + 1)) and self._may_be_name(name):
                self._take(at + 2)
            if self._may_be_name(following):
                self._take(at + 1)
            return
        first = at + 1
        while (following.low in TITLE_PARTS or following.low in TITLES) and self._next(first):
            first += 1
            following = self._words[first]
        if word.low in UNSURE_TITLES and first == at + 1:
            flags = self._vocabulary.lexicon.name_flags(following.low)
            is_capitalised = following.text[:1].isupper() and (word.text[:1].isupper() or "." in self._between(at))
            if not (flags & _NAME and not self._vocabulary.knows(following.low)) and not is_capitalised:
                return
            if following.low in COMMON or (not flags and self._vocabulary.knows(following.text)):
                return
            self._take(first)
        elif self._may_follow_title(following):
            self._take(first)

    def _after_introductions(self) -> None:
        for match in _INTRODUCTION.finditer(self._text):
            first = next((at for at, word in enumerate(self._words) if word.start >= match.end()), None)
            if first is not None and self._words[first].start - match.end() <= 1:
                word = self._words[first]
                if (word.low not in COMMON and not self._vocabulary.knows(word.text)) or (
                    self._vocabulary.lexicon.name_flags(word.low) and word.low not in COMMON
                ):
                    self._take(first)

    def _may_follow_title(self, word: _Word) -> bool:
        """Return whether a word after a title is not a word that goes on about the person: "frau hat", "MR imaging"."""
        if word.low in PARTICLES:
            return True
        if word.low in COMMON or word.low in AFTER_MR:
            return False
        return bool(self._vocabulary.lexicon.name_flags(word.low)) or not self._vocabulary.knows(word.text)

    def _may_be_name(self, word: _Word) -> bool:
        """Return whether a word after a relative or "by" may be a name: listed, or explained by nothing else."""
        if word.low in COMMON or self._vocabulary.knows(word.low) or word.low in PRODUCTS:
            return False
        flags = self._vocabulary.lexicon.flags(word.low)
        if flags & _NAME:
            return not flags & _ORDINARY or bool(flags & _GIVEN) or word.text[:1].isupper()
        return not flags & _ORDINARY and len(word.low) > _SHORTEST_NAME

    def _take(self, first: int) -> None:
        """Take the word at `first` as a name, with the parts of the name that follow."""
        at, taken = first, [first]
        while len(taken) < _MOST_PARTS and at + 1 < len(self._words) and _PART_GAP.fullmatch(self._between(at)):
            before, word = self._words[at], self._words[at + 1]
            at += 1
            if word.low not in PARTICLES and len(word.text) > 1:
                flags = self._vocabulary.lexicon.flags(word.low)
                is_part = before.low in PARTICLES or len(before.text) == 1 or self._between(at - 1) == "-"
                if word.low in COMMON or (self._vocabulary.knows(word.text) and not is_part):
                    break
                follows_given = len(taken) == 1 and self._vocabulary.lexicon.name_flags(before.low) & _GIVEN
                is_written_as_name = word.text[:1].isupper() and flags & _NAME
                if flags & _ORDINARY and not (is_part or follows_given or is_written_as_name):
                    break
            taken.append(at)
        while len(taken) > 1 and (last := self._words[taken[-1]]) and not last.text.isupper():
            if last.low not in PARTICLES and len(last.text) > 1:
                break
            taken.pop()
        self._named.update(taken)

    def _extend(self) -> None:
        """Add the lowercase surname beside a listed given name."""
        for at in sorted(self._named):
            word, following = self._words[at], self._next(at)
            if following is None or at + 1 in self._named:
                continue
            if word.text[:1].isupper():
                self._extend_capitalised(at)
                continue
            if word.text != word.low or following.text != following.low:
                continue
            if not self._vocabulary.lexicon.name_flags(word.low) & _GIVEN:
                continue
            if self._between(at) == " " and following.low not in COMMON and not self._vocabulary.knows(following.low):
                self._named.add(at + 1)

    def _extend_capitalised(self, at: int) -> None:
        """Add what follows a capitalised name: the rest of a double name, and a surname behind particles."""
        if self._between(at) == "-" and self._words[at + 1].text[:1].isupper():
            at += 1
            self._named.add(at)
        end = at
        while end + 1 < len(self._words) and self._between(end) == " " and self._words[end + 1].low in PARTICLES:
            end += 1
        if end > at and end + 1 < len(self._words) and self._between(end) == " ":
            self._extend_to(at, end + 1)

    def _extend_to(self, first: int, last: int) -> None:
        if self._words[last].text[:1].isupper() and not self._knows(self._words[last].low):
            self._named.update(range(first, last + 1))

    def _next(self, at: int) -> _Word | None:
        """Return the next word if only a short gap lies before it."""
        if at + 1 >= len(self._words) or not _GAP.fullmatch(self._between(at)):
            return None
        return self._words[at + 1]

    def _between(self, at: int) -> str:
        following = self._words[at + 1].start if at + 1 < len(self._words) else len(self._text)
        return self._text[self._words[at].end : following]

    def _begins_sentence(self, word: _Word) -> bool:
        before = self._text[: word.start].rstrip(" ")
        return not before or before[-1] in _ENDS_SENTENCE

    def _is_beside_digits(self, word: _Word) -> bool:
        """Return whether a few digits are attached to a word: "FUT2", "16S"."""
        start, end, text = word.start, word.end, self._text
        while start > 0 and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        return 0 < sum(c.isdigit() for c in text[start:end]) <= _MOST_DIGITS_OF_CODE
