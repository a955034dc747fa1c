"""Occasions: the short codes with which studies number their visits, time points and replicates."""

import re

from fairdatabase.policy.text.occasion_words import (
    CODES_OF_DAYS,
    CODES_OF_VISITS,
    DAYS,
    ORDINALS,
    PHASES,
    REPEATS,
    VISITS,
)

# Months and years are left out: their numbers may be ages.
_UNIT = r"(?:weeks?|wks?|days?|hours?|hrs?|minutes?|mins?)"
_TIMES = f"(?:{DAYS}|{CODES_OF_DAYS})"
_COUNTED = f"(?:{VISITS}|{REPEATS}|{CODES_OF_VISITS}|{_TIMES}|bio|tech|(?:biological|technical)(?: replicate)?)"
_ORDINAL = rf"(?:(?:\d|1\d|20)(?:st|nd|rd|th)|{ORDINALS}|final|initial|single|unscheduled)"
_NAMED = (
    rf"(?:{PHASES}|(?:pre|post|before|after|during)[ -]?(?:dose|dosing|treatment|intervention|challenge|baseline|diet"
    r"|meal)|predose|postdose)"
)
# A higher number may be that of a participant.
_COUNT = r"0{0,2}(?:\d|1\d|20)"
_NUMBER = rf"-?{_COUNT}(?:\.\d)?[a-d]?"
_CODE = re.compile(
    rf"{_NAMED}(?:[ _.-]?{_NUMBER})?|{_NAMED} {_COUNTED}(?: ?{_NUMBER})?|{_NAMED} {_TIMES}(?: ?-?\d{{1,3}})?"
    rf"|{_COUNTED}[ ._:#-]?{_NUMBER}(?: ?{_NAMED})?"
    rf"|(?:day|week|wk|hour)[ ._:#-]?-?\d{{1,3}}(?: ?{_NAMED})?"
    rf"|\d{{1,3}} ?{_UNIT}(?: ?(?:{_NAMED}|from baseline))?"
    rf"|{_ORDINAL}(?: {_COUNTED})?|{_COUNT}[a-d]|[a-z]|i{{1,3}}|iv|vi{{0,3}}|ix",
    re.IGNORECASE,
)
_LONGEST = 40


def is_code(text: str) -> bool:
    """Return whether a clean text is the code of a visit or replicate: "V1", "baseline", "week 4", "A"."""
    return len(text) <= _LONGEST and _CODE.fullmatch(text.replace("_", " ")) is not None
