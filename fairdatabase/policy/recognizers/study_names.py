"""Study names: distinguishes an author and a year ("SchirmerM_2016") from the name and birth year of a donor."""

import re

from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.dates import may_be_past

_NAME = re.compile(r"([A-Z][A-Za-z-]{1,29})(?:_([A-Z]{1,3}))?_(20\d\d)(?:_?[a-z]|_t2d|_ibdmdb)?")
# Splits "LeChatelierE" into "Le", "Chatelier" and "E".
_PARTS = re.compile(r"[A-Z][a-z]+|[A-Z]+(?![a-z])")
_MOST_INITIALS = 3
_MOST_WORDS = 3
_PARTICLES = frozenset(("al", "da", "de", "del", "der", "di", "du", "el", "la", "le", "mac", "mc", "st", "van", "von"))
# No microbiome study is older, so an earlier year may be a year of birth.
_FIRST_YEAR = 2003


def is_study_name(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether a clean text is the name of a study: a known name or a surname with initials, then a year."""
    match = _NAME.fullmatch(text)
    if match is None or int(match[3]) < _FIRST_YEAR or not may_be_past(int(match[3])):
        return False
    stem = match[1]
    if stem.lower().replace("-", "") in vocabulary.studies:
        return match[2] is None
    parts = _PARTS.findall(stem)
    initials = match[2] or (parts.pop() if parts and parts[-1].isupper() else "")
    words = [part.lower() for part in parts if part.lower() not in _PARTICLES]
    if not 1 <= len(initials) <= _MOST_INITIALS or not 1 <= len(words) <= _MOST_WORDS:
        return False
    if "".join([*parts, *([] if match[2] else [initials])]) != stem.replace("-", ""):
        return False
    return len(words) == 1 or vocabulary.people.isdisjoint(words)
