"""Strains: finds codes of strains that may be made of a donor's initials, sex, age or year of birth."""

import re

_DIGIT = re.compile(r"\d")
# Strains that are known by such a code, numbers of culture collections, and serotypes.
_KNOWN = re.compile(
    r"(?<![a-z0-9])(?:(?:atcc|dsmz?|nctc|jcm|cip|ccug|nbrc|lmg|nrrl|ncimb|cgmcc|kctc|bcrc|ccm|cect)[ :_-]?(?:baa-?)?"
    r"[a-z]?-?\d{2,7}|nissle[ -]?1917|k-?12|bl21|uti89|lf82|bb-?12|rc-?14|pa14|mu50|dh10b|h37r[av]|2019-ncov"
    r"|o\d{1,3}:(?:k\d{1,3}:)?h\d{1,2})(?![a-z0-9])"
)
_YEAR = r"(?:19\d\d|20[0-2]\d)"
# "34", "jd80", "80-jd", "1980", "jd.1980", "j1980d", "34f", "xy34yf", "f-101".
_CODE = re.compile(
    rf"(?<![a-z0-9])(?:[a-z]{{0,4}}[ ._-]?{_YEAR}[ ._-]?[a-z]{{0,4}}|[a-z]{{0,3}}[ ._-]?\d\d|\d\d[ ._-]?[a-z]{{1,3}}"
    r"|[fm][ ._-]?\d{2,3})(?![a-z0-9])|(?<!\d)\d{2,3}[ ._-]?(?:yo?|yrs?)?[ ._-]?[fm](?![a-z0-9])"
)
# Viruses have types and years: "Human papillomavirus 16", "Escherichia phage M13", "A/Puerto Rico/8/1934".
_TYPED = re.compile(r"phage|influenza|virus")
_CODE_OF_TYPED = re.compile(
    rf"(?<![a-z0-9])(?:[a-z]{{1,4}}[._-]?{_YEAR}[a-z]{{0,4}}|{_YEAR}[._-]?[a-z]{{1,4}}|\d\dyo?[fm])(?![a-z0-9])"
)


def may_be_of_person(name: str) -> bool:
    """Return whether the folded name of an organism may contain a donor's initials, sex, age or year of birth."""
    if not _DIGIT.search(name):
        return False
    rest = _KNOWN.sub("", name.lower())
    return (_CODE_OF_TYPED if _TYPED.search(rest) else _CODE).search(rest) is not None
