"""Occasions: the short codes with which studies number their visits, time points and replicates."""

import re

_UNIT = r"(?:years?|yrs?|y|months?|mos?|m|weeks?|wks?|w|days?|d|hours?|hrs?|h|minutes?|mins?)"
_COUNTED = (
    r"(?:t|tp|v|d|w|wk|m|mo|y|yr|s|r|p|c|q|n|h|visit|time|time ?-?point|day|week|month|year|hour|round|wave|cycle|phase"
    r"|period|session|sampling|sample|collection|follow ?-?up|fu|replicate|rep|repeat|bio|tech|bio ?rep|tech ?rep"
    r"|biological|technical|biological replicate|technical replicate|batch|dose|course)"
)
_ORDINAL = r"(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|last|final|initial|single|unscheduled)"
_NAMED = (
    r"(?:baseline|base ?line|bl|screening|scr|enrol?lment|randomi[sz]ation|start|end|begin|beginning|middle|mid|"
    r"pre|post|before|after|during|early|late|follow ?-?up|eos|eot|end of (?:study|treatment|intervention)|"
    r"run ?-?in|wash ?-?out|exit|endpoint|termination|discontinuation|"
    r"(?:pre|post|before|after|during)[ -]?(?:dose|dosing|treatment|intervention|challenge|baseline|diet|meal)|predose|"
    r"postdose)"
)
_NUMBER = r"-?\d{1,3}(?:\.\d)?[a-d]?"
_CODE = re.compile(
    rf"{_NAMED}(?:[ _.-]?{_NUMBER})?|{_NAMED} {_COUNTED}(?: ?{_NUMBER})?"
    rf"|{_COUNTED}[ ._:#-]?{_NUMBER}(?: ?{_NAMED})?"
    rf"|\d{{1,3}} ?{_UNIT}(?: ?(?:{_NAMED}|from baseline))?"
    rf"|{_ORDINAL}(?: {_COUNTED})?|\d{{1,2}}[a-d]|[a-z]|i{{1,3}}|iv|vi{{0,3}}|ix",
    re.IGNORECASE,
)
_LONGEST = 40


def is_code(text: str) -> bool:
    """Return whether a clean text is the code of a visit or replicate: "V1", "baseline", "week 4", "A"."""
    return len(text) <= _LONGEST and _CODE.fullmatch(text.replace("_", " ")) is not None
