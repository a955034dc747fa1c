"""Occasions: the short codes with which studies number their visits, time points and replicates."""

import re

# Years and months are left out: their numbers may be ages.
_UNIT = r"(?:weeks?|wks?|days?|hours?|hrs?|minutes?|mins?)"
_TIMES = r"(?:day|week|wk|hour)"
_COUNTED = (
    r"(?:t|tp|v|d|w|wk|visit|time|time ?-?point|round|wave|cycle|phase|period|session|sampling|collection"
    r"|follow ?-?up|fu"
    r"|replicate|rep|repeat|bio|tech|bio ?rep|tech ?rep"
    r"|biological|technical|biological replicate|technical replicate|batch|dose|course)"
)
_ORDINAL = (
    r"(?:(?:\d|1\d|20)(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|last|final|initial|single|unscheduled)"
)
_NAMED = (
    r"(?:baseline|base ?line|bl|screening|scr|enrol?lment|randomi[sz]ation|start|end|begin|beginning|middle|mid|"
    r"pre|post|before|after|during|early|late|follow ?-?up|eos|eot|end of (?:study|treatment|intervention)|"
    r"run ?-?in|wash ?-?out|exit|endpoint|termination|discontinuation|"
    r"(?:pre|post|before|after|during)[ -]?(?:dose|dosing|treatment|intervention|challenge|baseline|diet|meal)|predose|"
    r"postdose)"
)
# A higher number may be that of a participant.
_COUNT = r"0{0,2}(?:\d|1\d|20)"
_NUMBER = rf"-?{_COUNT}(?:\.\d)?[a-d]?"
_CODE = re.compile(
    rf"{_NAMED}(?:[ _.-]?{_NUMBER})?|{_NAMED} {_COUNTED}(?: ?{_NUMBER})?|{_NAMED} {_TIMES}(?: ?-?\d{{1,3}})?"
    rf"|{_COUNTED}[ ._:#-]?{_NUMBER}(?: ?{_NAMED})?"
    rf"|{_TIMES}[ ._:#-]?-?\d{{1,3}}(?: ?{_NAMED})?"
    rf"|\d{{1,3}} ?{_UNIT}(?: ?(?:{_NAMED}|from baseline))?"
    rf"|{_ORDINAL}(?: (?:{_COUNTED}|{_TIMES}))?|{_COUNT}[a-d]|[a-z]|i{{1,3}}|iv|vi{{0,3}}|ix",
    re.IGNORECASE,
)
_LONGEST = 40


def is_code(text: str) -> bool:
    """Return whether a clean text is the code of a visit or replicate: "V1", "baseline", "week 4", "A"."""
    return len(text) <= _LONGEST and _CODE.fullmatch(text.replace("_", " ")) is not None
