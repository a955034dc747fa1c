"""Occasions in the identifiers of donors: "P77 visit 1", "P77D14" and "P77_2" are one donor who came three times.

They are ignored where donors are counted: too few donors only hide more, too many would show what is not shared. They
count where consent is checked and pseudonyms are assigned, because two subjects that are not the same donor must not
share those.
"""

import re

from fairdatabase.policy.text.characters import clean, fold, normalise_subject
from fairdatabase.policy.text.occasion_words import (
    CODES,
    DAYS,
    MONTHS_AND_YEARS,
    ORDINALS,
    PHASES,
    PIECES,
    REPEATS,
    VISITS,
)

# A longer text is not a code, and searching it would take too long: the time grows faster than the length.
_LONGEST = 128
# "P77 visit 2 day 3 aliquot 4 2018-04-05" has four occasions.
_MOST_ROUNDS = 4
_BETWEEN = r"[\W_]{0,3}"
_NUMBER = (
    rf"(?:\#|no\.?|nr\.?|number)?{_BETWEEN}(?:\d{{1,6}}(?:[.,]\d{{1,2}})?|[ivx]{{1,4}}|[a-h]|one|two|three|four|five|six|"
    rf"seven|eight|nine|ten|{ORDINALS})"
)
_ORDINAL = rf"(?:(?<!\d)\d{{1,3}}(?:st|nd|rd|th|e|\.)|{ORDINALS})"
# No letter may precede an occasion: "PT1" does not contain "T1", and "Sunday1" does not contain "day1".
_START = r"(?<![^\W\d_])"
_DATE = r"(?<!\d)(?:19|20)\d\d[-./]?[01]\d[-./]?[0-3]\d(?!\d)|(?<!\d)[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d(?!\d)"
_SPELLED = f"{VISITS}|{REPEATS}|{PIECES}|{DAYS}|{MONTHS_AND_YEARS}|rep|wk|yr|tp|fu"
_OCCASION = (
    rf"{_START}(?:(?:{_SPELLED})s?{_BETWEEN}{_NUMBER}|(?:{PHASES})|{_ORDINAL}{_BETWEEN}(?:{_SPELLED})"
    rf"|[vt]{_BETWEEN}\d{{1,6}}(?:[.,]\d{{1,2}})?)|{_DATE}"
)
_LAST = re.compile(rf"(?:{_OCCASION}){_BETWEEN}$")
_FIRST = re.compile(rf"^{_BETWEEN}(?:{_OCCASION})(?:[\W_]{{1,3}}|(?<=\d)(?=[a-z]))")
# These count only beside a code with digits: "P77D14", "P77_2", "P77-b", "W4-P77". "HV-1" and "D14" name donors.
_SHORT_LAST = re.compile(
    rf"(?:{_START}(?:{CODES}){_BETWEEN}\d{{1,4}}(?:[.,]\d{{1,2}})?[a-e]?|[\W_]{{1,2}}(?:\d{{1,2}}|[a-e]|i{{1,3}}|iv)"
    r"|(?<=\d)[a-e])"
    rf"{_BETWEEN}$"
)
_SHORT_FIRST = re.compile(rf"^{_BETWEEN}(?:{CODES})\d{{1,3}}[\W_]{{0,3}}(?=[a-z]{{1,6}}[\W_]?\d)")
_DIGIT = re.compile(r"\d")
# A text of these words alone names no donor: in "donor sample 12", the number does.
_GENERIC = re.compile(
    r"(?:donor|patient|subject|participant|person|individual|volunteer|case|control|study|cohort|id|number|"
    r"no|nr|group|site|human|host|infant|child|mother|stool|blood|gut|[\W_])*"
)
# "Cohort_2017" of "Cohort_2017_12" is a study, in which the last number is that of the donor.
_STUDY = re.compile(r"(?!subj|part|pat|don|vol|ind|pers|case|contr|fam|prob)[a-z]{4,}[\W_]?(?:19|20)\d\d[\W_]*")


def donor_in(subject: str, *, has_short_codes: bool = True) -> str:
    """Return the normalised form of a subject without occasions at its ends: "P77 visit 2" gives "p77".

    A subject that consists of occasions only stays whole: "sample 12". Without `has_short_codes`, only occasions that
    are spelled out count: "P77D14" and "P77_2" stay whole.
    """
    rest = fold(clean(subject)).lower()
    if len(rest) > _LONGEST:
        return normalise_subject(subject)
    for _ in range(_MOST_ROUNDS):
        shorter = _FIRST.sub("", _LAST.sub("", rest))
        if shorter == rest and has_short_codes:
            shorter = _SHORT_LAST.sub("", _SHORT_FIRST.sub("", rest))
            if not _DIGIT.search(shorter) or _STUDY.fullmatch(shorter):
                break
        if shorter == rest or _GENERIC.fullmatch(shorter):
            break
        rest = shorter
    return normalise_subject(rest)
