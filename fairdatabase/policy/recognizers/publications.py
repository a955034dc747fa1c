"""Publications: distinguishes the DOI or PubMed id of a paper from a name, a code or an age in that form."""

import re

from fairdatabase.policy.recognizers.detection import is_identifying
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import is_numeric_date


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SUFFIX = re.compile(r"10\.\d{4,6}/(.+)")
_PART = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[a-z]+")
_DIGITS = re.compile(r"\d+")
_AGE_AND_SEX = re.compile(r"[fm]\d{1,3}|\d{1,3}[fm]")
# A smaller PubMed id may be an age or a year.
_SHORTEST_ID = 5
_SIX = 6
# "gkab1112": codes of journals with a number. A code with fewer digits may be that of a participant.
_LONGEST_CODE, _FEWEST_DIGITS = 4, 4
# Codes of journals and repositories in DOIs.
_JOURNALS = _words("""
    aac aem annurev arxiv bioinformatics bjd bmj bmjopen bmjgast celrep cell chom cid cmet cmi cmr ctm dryad ebiom
    elife emi femsec femsle femsre femspd figshare gastro gb gbe gcb genome giaa gigascience gm gr gut gutjnl hep
    iai ibd ijs ijsem imt immuni infdis io isci ismej ismeco jac jaci jama jamaoncol jb jci jcm jhep jid jmm joc
    journal lancet liv m9 mbe mbio mbo3 mec men mgen mic micro mmbr molbev molcel msystems msphere nar nature nbt
    ncomms nejm nejmoa nm nmeth nmicrobiol nph npj nrgastro nrmicro nutr osf peerj physiol plphys pnas pone
    protocols rs rsif rsos rspb rstb s41467 sciadv science scitranslmed sdata spectrum srep thorax v1 v2 v3 xcrm
    xgen zenodo
""")


def is_publication(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a clean DOI or PubMed id contains no name, date, age or code of a person."""
    text = text.lower()
    match = _SUFFIX.search(text)
    # The address of the resolver would count as a link.
    if is_identifying(text if match is None else match[0]):
        return False
    if match is None:
        number = text.removeprefix("pmid:").strip()
        return len(number) >= _SHORTEST_ID and not (len(number) == _SIX and is_numeric_date(number))
    return all(_is_of_publication(part, vocabulary) for part in _PART.findall(match[1]))


def _is_of_publication(part: str, vocabulary: Vocabulary) -> bool:
    """Return whether one part of the suffix of a DOI is a number, or the code or name of a journal."""
    if part in _JOURNALS or len(part) == 1:
        return True
    if part.isdecimal():
        return not (len(part) >= _SIX and is_numeric_date(part))
    if _AGE_AND_SEX.fullmatch(part):
        return False
    words, digits = _LETTERS.findall(part), _DIGITS.findall(part)
    if digits and sum(map(len, digits)) < _FEWEST_DIGITS:
        return all(word in _JOURNALS for word in words)
    if any(is_numeric_date(number) for number in digits if len(number) >= _SIX):
        return False
    return all(
        word in _JOURNALS or (digits and len(word) <= _LONGEST_CODE) or _is_harmless(word, vocabulary) for word in words
    ) and not any(_may_be_name(word, vocabulary) for word in words if word not in _JOURNALS)


def _is_harmless(word: str, vocabulary: Vocabulary) -> bool:
    return word in vocabulary.words and word not in vocabulary.topics.words


def _may_be_name(word: str, vocabulary: Vocabulary) -> bool:
    return len(word) > 1 and (word in vocabulary.people or vocabulary.lexicon.name_flags(word) > 0)
