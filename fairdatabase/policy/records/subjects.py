"""Subjects: decides which donor a sample comes from, also if several of its fields name one."""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations, islice
from typing import NamedTuple

from fairdatabase.policy.recognizers.cues import RELATIONS
from fairdatabase.policy.recognizers.own_identifiers import is_description
from fairdatabase.policy.records.drops import NOBODY, REPEATED, Dropped
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean, fold, normalise_subject, squash

# Words that fit many donors. A consent or a withdrawal of such a "donor" would also cover people who did not give it.
_OF_MANY = frozenset(
    """
    human humans homo sapiens person persons people individual individuals patient patients donor donors subject
    subjects participant participants volunteer volunteers proband probands host hosts self own me healthy normal
    control controls case cases adult adults male males female females man men woman women animal animals mouse mice
    mus musculus rat rats rattus norvegicus mensch humano humana humain mens patiente patientin paziente paciente
    spender spenderin donneur donante gesund sain sano unknown anonymous
    other yes no true false y n
    """.split()  # noqa: SIM905
)
_LONGEST_OF_MANY = 64
_ENOUGH_TO_JUDGE = 1000
"""The number of values of a column that show whether it names donors by codes."""
# One other word may be a code name ("Blue", "PI") unless it says who somebody is to somebody else.
_RELATIVES = RELATIONS | frozenset(("child", "infant", "baby", "parent", "sibling", "twin", "sib", "sis", "bro", "mum"))
_SHORTEST_DESCRIBING = 4
_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+|\d+")
# Characters that tell donors apart, although they are neither letters nor digits.
_MARKS = re.compile(r"[+*]")
# Words of titles, the most specific first.
_TITLES = (
    "hostsubject", "subject", "participant", "patient", "proband", "volunteer", "donor", "individual", "person", "host"
)  # fmt: skip
# The code of a case is often another one than the donor's, because another register gave it.
_CASE = "case"


class Settled(NamedTuple):
    """The donor of a sample."""

    subject: str | None
    """None if no field names a donor."""
    lost: Mapping[str | None, Dropped]
    """The fields that do not decide, because another field does: names of the metadata, None for the sample's own."""
    contradiction: tuple[str | None, str | None] | None
    """Two fields that name different people; None if all name one person."""


def donor_of(text: str, vocabulary: Vocabulary) -> str | None:
    """Return the donor that a text names, or None if the text is blank or a missing-value term."""
    donor = clean(text)
    return donor if donor and vocabulary.missing.term(donor) is None else None


def fits_many(donor: str) -> bool:
    """Return whether a text in the place of a donor fits many people: "Human", "healthy control", "yes"."""
    if len(donor) > _LONGEST_OF_MANY or not (donor[0].isalpha() and donor[-1].isalpha()):
        return False
    return _OF_MANY.issuperset(_WORD.findall(donor.lower()))


def settle_subject(own: str | None, donors: Mapping[str, str], vocabulary: Vocabulary) -> Settled:
    """Decide between the donor of the sample's own field, `own`, and those of the metadata, by the name of the field.

    A code or a name wins over a description ("healthy mother"), then the longer code over the end of it, then the
    sample's own field over the metadata, then the most specific title. But two codes must be spellings of one donor, or
    one must be the end of the other, unless one is the code of a case.
    """
    lost: dict[str | None, Dropped] = {}
    named: list[tuple[str | None, str]] = list(donors.items())
    if own is not None and fits_many(own):
        lost[None] = NOBODY
    elif own is not None:
        named.insert(0, (None, own))
    if len(named) <= 1:
        return Settled(named[0][1] if named else None, lost, None)
    keys = {name: normalise_subject(donor) for name, donor in named}
    if len(set(keys.values())) == 1:
        return Settled(min(named, key=lambda item: _rank(item[0]))[1], lost, None)
    described = {name for name, donor in named if _describes(donor, vocabulary)}
    name, subject = min(
        named, key=lambda item: (item[0] in described, _is_case(item[0]), -len(keys[item[0]]), _rank(item[0]))
    )
    lost |= {other: REPEATED for other, key in keys.items() if key != keys[name]}
    ignored = described if name not in described else set[str | None]()
    deciding = [(other, donor) for other, donor in named if other not in ignored and not _is_case(other)]
    pairs = combinations(sorted(deciding, key=lambda item: _rank(item[0])), 2)
    two = next(((one[0], other[0]) for one, other in pairs if not _is_one(one, other, keys)), None)
    return Settled(subject, lost, two)


def _is_one(one: tuple[str | None, str], other: tuple[str | None, str], keys: Mapping[str | None, str]) -> bool:
    """Return whether two fields name one donor."""
    return keys[one[0]] == keys[other[0]] or _is_end(one[1], other[1])


def best_column(columns: Mapping[str, Iterable[str]], vocabulary: Vocabulary) -> str | None:
    """Return the column that tells the donors of a table apart, among those whose titles name the donor.

    `columns` are the values of each title. A column with several codes wins, then one with several names, then the most
    specific title. None if every value of every column is missing or fits many people.
    """
    ranked: list[tuple[int, int, tuple[int, bool, str], str]] = []
    for title, values in columns.items():
        donors = (donor for value in values if (donor := donor_of(value, vocabulary)) and not fits_many(donor))
        if several := dict(islice(((normalise_subject(donor), donor) for donor in donors), _ENOUGH_TO_JUDGE)):
            codes = sum(not _describes(donor, vocabulary) for donor in several.values())
            ranked.append((-min(codes, 2), -min(len(several), 2), _rank(title), title))
    return min(ranked)[-1] if ranked else None


def _is_case(name: str | None) -> bool:
    title = "" if name is None else squash(name)
    return _CASE in title and not any(word in title for word in _TITLES)


def _describes(donor: str, vocabulary: Vocabulary) -> bool:
    """Return whether a donor is described by known words, of which none is a name or may be a code."""
    words = _WORD.findall(donor.lower())
    is_phrase = len(words) > 1 and any(len(word) >= _SHORTEST_DESCRIBING for word in words)
    return (is_phrase or _RELATIVES.issuperset(words)) and is_description(donor, vocabulary)


def _rank(name: str | None) -> tuple[int, bool, str]:
    """Return the sort key of a field: the one that decides comes first."""
    title = "" if name is None else squash(name)
    place = next((place for place, word in enumerate(_TITLES) if word in title), len(_TITLES)) if title else -1
    return place, not title.endswith("id"), name or ""


def _is_end(one: str, other: str) -> bool:
    """Return whether a code is the end of another one, behind words that name no second person: "1234" of "AG-1234".

    "1234" of "AG-1-1234" or "mother 1234" may be of somebody else, and so may "AG-1" of "AG-1-2".
    """
    one, other = fold(one).lower(), fold(other).lower()
    if _MARKS.findall(one) != _MARKS.findall(other):
        return False
    short, long = sorted((_PART.findall(one), _PART.findall(other)), key=len)
    before, end = long[: len(long) - len(short)], long[len(long) - len(short) :]
    is_code = any(part.isdecimal() for part in short)
    return is_code and short == end and all(part.isalpha() and part not in _RELATIVES for part in before)
