"""Organism: distinguishes names of species and communities from names of people, as far as words and form allow."""

import re

from fairdatabase.policy.recognizers.detection import is_identifying
from fairdatabase.policy.tables.vocabulary import OrganismNames, Vocabulary
from fairdatabase.policy.text.characters import fold
from fairdatabase.policy.text.dates import is_numeric_date

ADVICE = "must be a scientific or community name, such as 'Escherichia coli' or 'human gut metagenome'"
_LONGEST = 200
_SHAPE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ0-9 .,()\[\]'/:;-]+")
_WORD = re.compile(r"[A-Za-z]+")
_SUBTYPE_OF_INFLUENZA = re.compile(r"(?<![^\W_])H\d{1,2}N\d{1,2}(?![^\W_])")
_HUMAN = frozenset(("homo", "sapiens"))
_STRAIN = frozenset(("strain", "str", "isolate"))
_DIGIT, _DIGITS = re.compile(r"\d"), re.compile(r"\d+")
_DATE_IN_PARTS = re.compile(r"(?<!\d)(\d{1,2})[ ./:-]{1,2}(\d{1,2})[ ./:-]{1,2}((?:19|20)\d\d|\d\d)(?!\d)")
# In "A/Puerto Rico/8/1934", 8 is the number of the isolate and 1934 its year.
_IS_INFLUENZA = re.compile(r"influenza", re.IGNORECASE)
_YEAR_OF_INFLUENZA = re.compile(r"/\d{1,6}/(?:19|20)?\d\d(?!\d)")
# "ATCC 700603" could also be a date.
_OF_COLLECTION = re.compile(r"(?<![^\W_])ATCC 700\d{3}(?!\d)")
_LONGEST_NUMBER = 6
# A community has no strain, so a number after its name belongs to the sample.
_COMMUNITY = re.compile(r"metagenom|transcriptom|biom|biota|virome|communit|consorti", re.IGNORECASE)
_VIRUS = re.compile(r"vir(?:us|uses|idae)?(?![a-z])|phage|hiv|cov(?![a-z])", re.IGNORECASE)
# The maximum length of a word in a strain designation: "MG" of "MG1655". A longer word may be a name.
_LONGEST_IN_DESIGNATION = 4
# The maximum number of epithets after a genus, as in "enterica subsp. enterica".
_MOST_EPITHETS = 3
_SHORTEST_EPITHET = 3


def is_organism(name: str, vocabulary: Vocabulary) -> bool:
    """Return whether a clean text may be stored as the name of an organism."""
    if not 0 < len(name) <= _LONGEST or not _SHAPE.fullmatch(name) or is_identifying(name):
        return False
    folded = fold(name)
    return _Reader(vocabulary.organisms, vocabulary.people).reads(folded) and not _holds_date(folded)


def _holds_date(name: str) -> bool:
    """Return whether a name contains a date: "120485", "12 04 85". The year in the name of a strain is not a date."""
    if not _DIGIT.search(name):
        return False
    if _IS_INFLUENZA.search(name):
        name = _YEAR_OF_INFLUENZA.sub("", name)
    name = _OF_COLLECTION.sub("", name)
    return any(map(is_numeric_date, _DIGITS.findall(name))) or any(
        is_numeric_date("".join(f"{int(part):02}" for part in match.groups()))
        for match in _DATE_IN_PARTS.finditer(name)
    )


class _Reader:
    """Reads one name from left to right. Each word must be known, or be expected after the words before it."""

    def __init__(self, organisms: OrganismNames, people: frozenset[str]) -> None:
        self._organisms = organisms
        self._people = people
        # Whether a taxon or a community has been named.
        self._named = False
        self._genus = ""
        # Whether the genus still needs an epithet. A genus that is abbreviated, or is also a person's name, needs a
        # known epithet. An unlisted genus needs a Latin one.
        self._lacks_known = self._lacks_latin = False
        self._epithets = 0
        self._takes_designation = self._takes_strain = False
        # A human has no strain, so text after "Homo sapiens" is about the donor.
        self._is_human = False
        # Single letters so far: "B" of "Hepatitis B virus". Two different ones may be somebody's initials.
        self._letters: set[str] = set()

    def reads(self, name: str) -> bool:
        for ending, phrases in self._organisms.beside:
            if any(word.endswith(ending) for word in _WORD.findall(name.lower())):
                name = phrases.sub(" ", name)
        name, numbers = _SUBTYPE_OF_INFLUENZA.sub("influenza", name), 0
        if _IS_INFLUENZA.search(name):
            name = _YEAR_OF_INFLUENZA.sub(" ", name)
        has_place = _VIRUS.search(name) is not None
        is_community = _COMMUNITY.search(name) is not None
        for chunk in name.split():
            numbered = any(c.isdigit() for c in chunk)
            words = _WORD.findall(chunk)
            if not all(self._takes(word, numbered) for word in words):
                return False
            if numbered:
                found = _DIGITS.findall(chunk)
                numbers += len(found) if not words else 0
                if self._is_human or is_community or any(len(number) > _LONGEST_NUMBER for number in found):
                    return False
                if not words and not (self._takes_designation or has_place):
                    return False
        return numbers <= 1 and self._named and not (self._lacks_known or self._lacks_latin) and len(self._letters) <= 1

    def _takes(self, word: str, numbered: bool) -> bool:
        if len(word) == 1:
            return self._takes_letter(word, numbered)
        low = word.lower()
        is_person = low in self._people
        self._is_human = self._is_human or low in _HUMAN
        return (
            self._takes_epithet(word, low, is_person)
            or self._takes_genus(word, low, is_person)
            or self._takes_known(word, low, is_person)
            or self._takes_in_designation(word, numbered, is_person)
            or self._takes_name_of_strain(word, is_person)
        )

    def _takes_letter(self, letter: str, numbered: bool) -> bool:
        if not (self._named or self._genus or numbered):
            self._genus, self._lacks_known = letter, True
        elif not numbered:
            self._letters.add(letter)
            return not self._is_human
        return True

    def _takes_epithet(self, word: str, low: str, is_person: bool) -> bool:
        if not self._genus or self._epithets == _MOST_EPITHETS:
            return False
        is_known = low in self._organisms.epithets or low == self._genus
        is_latin = (
            len(low) >= _SHORTEST_EPITHET and word == low and not is_person and low.endswith(self._organisms.latin)
        )
        if not is_known and (self._lacks_known or not is_latin):
            return False
        self._named = self._takes_designation = True
        self._lacks_known = self._lacks_latin = False
        self._epithets += 1
        return True

    def _takes_genus(self, word: str, low: str, is_person: bool) -> bool:
        if low in self._organisms.genera:
            self._lacks_known = is_person
            self._named = self._named or not is_person
        elif any(low.endswith(rank) and low.removesuffix(rank) not in self._people for rank in self._organisms.rank):
            self._named = True
        elif not self._genus and word.istitle() and not is_person and low.endswith(self._organisms.genus):
            self._lacks_latin = True
        else:
            return False
        self._genus = low
        return True

    def _takes_known(self, word: str, low: str, is_person: bool) -> bool:
        if low not in self._organisms.words or (is_person and word != low):
            return False
        self._named = self._named or low not in self._organisms.silent
        self._takes_designation = self._takes_designation or bool(self._genus)
        self._takes_strain = low in _STRAIN and self._takes_designation
        return True

    def _takes_in_designation(self, word: str, numbered: bool, is_person: bool) -> bool:
        may = self._takes_designation and numbered and not (is_person or self._is_human)
        return may and len(word) <= _LONGEST_IN_DESIGNATION

    def _takes_name_of_strain(self, word: str, is_person: bool) -> bool:
        if not self._takes_strain or is_person or self._is_human or not word[0].isupper():
            return False
        self._takes_strain = False
        return True
