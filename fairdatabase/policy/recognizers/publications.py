"""Publications: distinguishes the DOI or PubMed id of a paper from a name, a code or an age in that form."""

import re

from fairdatabase.policy.recognizers.detection import is_identifying
from fairdatabase.policy.recognizers.publishers import code_of_journal, is_of_publisher
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import is_numeric_date


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOI = re.compile(r"10\.\d{4,6}/(.+)")
_WORD = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\d+")
# "34-f", "m.41".
_AGE_AND_SEX = re.compile(r"(?<![a-z0-9])(?:[fm][\W_]*\d{1,3}|\d{1,3}[\W_]*[fm])(?![a-z0-9])")
# "1e4", "kr7731": letters and digits in one part are a code, except a journal or a version with its number.
_CODE = re.compile(r"[a-z]+\d+[a-z0-9]*|\d+[a-z][a-z0-9]*")
_JOURNAL_AND_NUMBER = re.compile(r"([a-z]+)\d+")
_VERSION = re.compile(r"v\d")
# A smaller PubMed id may be an age or a year.
_SHORTEST_ID = 5
_SIX = 6
# Journals and repositories whose names stand in DOIs of any registrant. A shorter code may be that of a participant.
_JOURNALS = _words("""
    annurev arxiv bioinformatics bioproject biorxiv bmjopen bmjgast dryad elife figshare genome gigascience gutjnl
    immuni infdis ismej ismeco journal lancet mbio medrxiv mgen msphere msystems nature ncomms nejm nejmoa nmeth
    nmicrobiol nrgastro nrmicro peerj physiol pnas protocols sciadv science scitranslmed sdata spectrum srep zenodo
""")


def is_publication(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a clean DOI or PubMed id contains no name, date, age or code of a person."""
    text = text.lower()
    match = _DOI.search(text)
    if match is None:
        number = text.removeprefix("pmid:").strip()
        is_long = len(number) >= _SHORTEST_ID and not (len(number) == _SIX and is_numeric_date(number))
        return is_long and not is_identifying(text)
    doi, suffix = match[0], match[1]
    numbers = _NUMBER.findall(suffix)
    may_be_date = any(len(number) >= _SIX and is_numeric_date(number) for number in numbers)
    if is_of_publisher(doi):
        code = code_of_journal(doi)
        return not (may_be_date and len(numbers) == 1) and (code in _JOURNALS or not _may_be_name(code, vocabulary))
    # The address of the resolver would count as a link.
    is_silent = not (may_be_date or is_identifying(doi) or _AGE_AND_SEX.search(suffix))
    return is_silent and _names_journal(suffix, vocabulary)


def _names_journal(suffix: str, vocabulary: Vocabulary) -> bool:
    """Return whether the suffix of a DOI of any registrant begins with a journal, and adds only numbers and words."""
    for code in _CODE.findall(suffix):
        journal = _JOURNAL_AND_NUMBER.fullmatch(code)
        if not _VERSION.fullmatch(code) and (journal is None or journal[1] not in _JOURNALS):
            return False
    words = _WORD.findall(_VERSION.sub("", suffix))
    return bool(words) and words[0] in _JOURNALS and all(_is_harmless(word, vocabulary) for word in words[1:])


def _is_harmless(word: str, vocabulary: Vocabulary) -> bool:
    if word in _JOURNALS:
        return True
    return word in vocabulary.words and word not in vocabulary.topics.words and not _may_be_name(word, vocabulary)


def _may_be_name(word: str, vocabulary: Vocabulary) -> bool:
    return len(word) > 1 and (word in vocabulary.people or vocabulary.lexicon.name_flags(word) > 0)
