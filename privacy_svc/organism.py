"""Organism: tells the name of a species or a community from the name of a person, as far as form can tell."""

import re

from privacy_svc.patterns import is_identifying
from privacy_svc.vocabulary import Vocabulary

ADVICE = "must be a scientific or community name, such as 'Escherichia coli' or 'human gut metagenome'"
_LONGEST = 200
_SHAPE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ0-9 .,()\[\]'/:;-]+")
_WORD = re.compile(r"[^\W\d_]+")
# "Doe", and the "Brien" of "O'Brien" and the "Donald" of "McDonald".
_CAPITALISED = re.compile(r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,}|(?<!\S)[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ](?!\S)")
_VIRUS = ("virus", "viruses", "viridae", "phage")
_RANKS = frozenset(("subsp", "serovar", "substr", "strain", "atcc", "nctc", "ncimb", "biovar", "pathovar", "group"))
_LOWER_CASE = re.compile(r"(?<![^\W_])[a-zß-öø-ÿ]{2,}")


def is_organism(name: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a clean text may be kept as the name of an organism."""
    if name in vocabulary.names:
        return True
    if not 0 < len(name) <= _LONGEST or not _SHAPE.fullmatch(name) or is_identifying(name):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    good = all(word in vocabulary.organisms.community for word in words) or (
        _is_capitalised_well(name, words, vocabulary) and _is_plausible(name, words, vocabulary)
    )
    if words and good:
        vocabulary.names.add(name)
    return bool(words) and good


def _is_capitalised_well(name: str, words: list[str], vocabulary: Vocabulary) -> bool:
    allowed: set[str] = set()
    for beside, capitalised in vocabulary.organisms.capitalised:
        if beside.intersection(words) or ("virus" in beside and any(word.endswith("virus") for word in words)):
            allowed |= capitalised
    excepted = False
    named = False
    for match in _CAPITALISED.finditer(name):
        word = match[0].lower()
        if match[0] in allowed or (word in vocabulary.organisms.leading and not named):
            excepted = True
            continue
        before = [word.lower() for word in _WORD.findall(name[: match.start()])]
        if named or not all(word in vocabulary.organisms.leading for word in before):
            return False
        named = True
    if len(words) == 1 or excepted or words[0] in vocabulary.organisms.leading:
        return True
    # "Jane DOE" has no word in lower case; "SARS-CoV-2" and "HIV-1" have figures.
    return bool(_LOWER_CASE.search(name)) or any(c.isdigit() for c in name)


def _is_plausible(name: str, words: list[str], vocabulary: Vocabulary) -> bool:
    """Tell whether the words are known or Latin by their ending: all of an English name, but one of a Latin one."""
    organisms = vocabulary.organisms
    english = [word in organisms.known or vocabulary.knows(word) for word in words]
    latin = [len(word) > 2 and word.endswith(organisms.latin) for word in words]
    # Strains are called "GG", "str." or "sp."; those say nothing either way.
    telling = [len(word) > 3 and word not in _RANKS for word in words]
    unknown = sum(t and not (e or la) for t, e, la in zip(telling, english, latin, strict=True))
    if any(word.endswith(_VIRUS) for word in words):
        return unknown * 2 <= len(words)
    if name == name.lower() or (english[0] and not latin[0]):
        return unknown == 0 and any(map(any, zip(english, latin, strict=True)))
    designation = " " not in name and (name.isupper() or any(c.isdigit() for c in name))
    return designation or (unknown <= 1 and any(latin))
