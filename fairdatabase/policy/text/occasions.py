"""Occasions in the identifiers of donors: "P77 visit 1" and "P77 visit 2" are one donor who came twice.

They are ignored where donors are counted: too few donors only hide more, too many would show what is not shared. They
count where consent is checked and pseudonyms are assigned, because two subjects that are not the same donor must not
share those.
"""

import re

from fairdatabase.policy.text.characters import clean, fold, normalise_subject

_WORDS = (
    "visit|visite|visita|bezoek|besuch|day|tag|jour|dag|dia|week|wk|woche|semaine|semana|month|mth|monat|mois|mes|"
    "maand|year|yr|jahr|annee|jaar|time ?point|zeitpunkt|time|tp|round|wave|session|appointment|occasion|collection|"
    "replicate|replica|rep|repeat|duplicate|dup|sample|specimen|aliquot|tube|vial|swab|biopsy|run|follow[ -]?up|fu|"
    "cycle"
)
# These also stand without a number.
_PHASES = "baseline|screening|enrol?ment|admission|discharge|pre|post|before|after|follow[ -]?up|initial|final|endpoint"
_NUMBER = (
    r"(?:\#|no\.?|nr\.?|number)?[\W_]*(?:\d+(?:[.,]\d+)?|[ivx]{1,4}|[a-h]|one|two|three|four|five|six|seven|eight|nine|"
    r"ten|first|second|third|last)"
)
_ORDINAL = r"(?:\d+(?:st|nd|rd|th|e|\.)|first|second|third|fourth|fifth|last)"
# A word of letters must not go on before an occasion: "PT1" is no "T1", and "Sunday1" no "day1".
_START = r"(?<![^\W\d_])"
_DATE = r"(?<!\d)(?:19|20)\d\d[-./]?[01]\d[-./]?[0-3]\d(?!\d)|(?<!\d)[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d(?!\d)"
_OCCASION = (
    rf"{_START}(?:(?:{_WORDS})s?[\W_]*{_NUMBER}|(?:{_PHASES})|{_ORDINAL}[\W_]*(?:{_WORDS})|[vt][\W_]*\d+(?:[.,]\d+)?)"
    rf"|{_DATE}"
)
_LAST = re.compile(rf"(?:{_OCCASION})[\W_]*$")
_FIRST = re.compile(rf"^[\W_]*(?:{_OCCASION})(?:[\W_]+|(?<=\d)(?=[a-z]))")
# A text of these words alone names no donor: in "donor sample 12", the number does.
_GENERIC = re.compile(
    r"(?:donor|patient|subject|participant|person|individual|volunteer|case|control|study|cohort|id|number|no|nr|group|"
    r"site|human|host|infant|child|mother|stool|blood|gut|[\W_])*"
)


def donor_in(subject: str) -> str:
    """Return the normalised form of a subject without occasions at its ends: "P77 visit 2" gives "p77".

    A subject that consists of occasions only stays whole: "sample 12".
    """
    rest = fold(clean(subject)).lower()
    while (shorter := _FIRST.sub("", _LAST.sub("", rest))) != rest and not _GENERIC.fullmatch(shorter):
        rest = shorter
    return normalise_subject(rest)
