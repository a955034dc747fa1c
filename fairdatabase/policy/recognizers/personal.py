"""Personal numbers and contacts in free text: ages, births, identity numbers, telephones, e-mail addresses.

Texts are folded, so all patterns are ASCII.
"""

import re

from fairdatabase.policy.recognizers.ages import AGES, ENDINGS_OF_AGES, OLD_ENDINGS, YEARS_OF_SOMEBODY, Scan
from fairdatabase.policy.recognizers.labels import CUES, DAY, NUMBER_ENDINGS, WITHOUT_DIGITS, erase_labelled, words
from fairdatabase.policy.recognizers.triggers import Endings

_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"

# Formats that are an identity number or a number plate without a word.
_FORMATS = re.compile(
    rf"{_BEGIN}(?=\d|[A-Z]{{1,3}}[ -]?[A-Z\d])(?:"
    rf"[12] ?\d\d ?(?:0\d|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{{3}} ?\d{{3}}(?: ?\d\d)?"
    r"|\d{2,4} ?\d{6} ?[A-Z] ?\d{3}"
    r"|[A-Z]{3} ?[A-Z]{3} ?\d\d[A-Z]\d\d ?[A-Z]\d{3}[A-Z]"
    r"|[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,4})?"
    r"|[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]"
    r"|[XYZ]-?\d{7}-?[A-Z]|\d{8}[- ]?[A-Z]"
    r"|\d{1,2}\.\d{3}\.\d{3}-[\dkKxX A-Z]"
    r"|\d{6}[ /]\d{3,4}(?![.,]?\d)"
    r"|[A-Z]{3} \d{6}(?!\d)"
    r"|[A-Z]{2}-\d{3}-[A-Z]{2}|[A-Z]{2} \d{3} [A-Z]{2}|[A-Z]{2}\d{2} [A-Z]{3}|[A-Z]{1,3}-[A-Z]{2}[ -]\d{1,4}"
    r"|\d{2}-[A-Z]{2}-\d{2}|[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2,3}-\d{1,2}|[A-Z]-\d{3}-[A-Z]{2}|"
    r"\d{4} [B-DF-HJ-NP-TV-Z]{3})" + _END
)
_DIGIT = re.compile(r"\d")
_TWO_DIGITS = re.compile(r"\d\D?\d")
_AT = (
    r"(?: ?[(\[{<] ?(?:at|@|a|et|ad|arroba|arobase|chez|kukac|snabela?|malpa|chiocciola|apenstaartje|"
    r"klammeraffe) ?[)\]}>] ?"
    r"|[ _-](?:at|arroba|arobase?|chiocciola|malpa|apenstaartje|klammeraffe|snabel-?a|alfakroll|krollalfa|"
    r"miukumauku|zavinac|chez|aet|ad|at-sign|apestaartje|apestaart|affenschwanz|kukac)[ _-]| @ ?|@ ?)"
)
_DOT_WORD = r"dot|punkt|punt|point|punto|ponto|kropka|piste|tecka|prick|punktum|pkt|puntocom"
_DOT = rf"(?:\.| \. |[ _-](?:{_DOT_WORD})[ _-]| ?[(\[{{<] ?(?:{_DOT_WORD}|\.|,) ?[)\]}}>] ?)"
_TIGHT_DOT = rf"(?:\.|[ _-](?:{_DOT_WORD})[ _-]| ?[(\[{{<] ?(?:{_DOT_WORD}|\.) ?[)\]}}>] ?)"
# Words are taken for dots only before one of these.
_DOMAINS = (
    "com|org|net|edu|gov|info|eu|de|nl|uk|fr|ch|be|es|it|pt|pl|se|dk|fi|cz|ie|at|br|ca|us|au|mx|ar|cl|co|gr|hu|ro|"
    "tr|jp|cn|kr|za"
)
_MAIL = re.compile(
    rf"(?<![\w.+-])(?:[\w+%-]{{1,40}}{_TIGHT_DOT}){{0,4}}[\w+%-]{{1,64}}{_AT}(?<! at (?=one ))"
    rf"(?:[a-z][\w-]{{0,62}}(?:\.|{_DOT}(?=(?:{_DOMAINS})(?!\w)|[\w-]+{_DOT}))){{1,4}}[a-z]{{2,12}}(?![\w])",
    re.IGNORECASE,
)
_AT_WORDS = words(
    """
    at a et ad arroba arobase arobas chiocciola malpa apenstaartje apestaartje klammeraffe snabel snabela
    alfakroll krollalfa miukumauku zavinac chez aet apestaart affenschwanz kukac
    """
)
_DOT_WORDS = frozenset(_DOT_WORD.split("|"))
_WEEKDAY = Scan(
    words(
        """
    monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag
    sonntag lundi mardi mercredi jeudi vendredi samedi dimanche
    """
    ),
    re.compile(
        (
            rf"{_BEGIN}(?:mon|tues|wednes|thurs|fri|satur|sun)day,? (?:the )?{DAY}(?:st|nd|rd|th)(?![a-z])|"
            rf"{_BEGIN}(?:(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch),? (?:den |dem )?{DAY}\.(?:{DAY}\.)?|"
            rf"{_BEGIN}(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) {DAY}(?!\d)"
        ),
        re.IGNORECASE,
    ),
)
_PAIRS = re.compile(
    r"(?:(?<!\w)\+\d[\d ().\-/]{5,20}\d(?!\w))|(?<![\w.,/-])(?:0\d(?P<sep>[ ./-])\d\d(?:(?P=sep)\d\d){3}|"
    r"\d\d(?: \d\d){3,4}|(?:[bsf]\.|\*) ?(?:19|"
    r"20)\d\d)(?![\w]|[.,]\d)"
)
# A match of _PAIRS starts at most this many characters before its first digit: "b. 1950".
_LEAD = 3
_SCANS = (AGES, YEARS_OF_SOMEBODY, _WEEKDAY)
_ENDINGS = Endings((*NUMBER_ENDINGS, *ENDINGS_OF_AGES))


def erase_personal(text: str, found: frozenset[str], replacement: str) -> str:
    """Return folded text, which has these words, with a replacement for each number that describes one person."""
    if "@" in text or not (_AT_WORDS.isdisjoint(found) or ("." not in text and _DOT_WORDS.isdisjoint(found))):
        text = _MAIL.sub(replacement, text)
    has_digits = _DIGIT.search(text) is not None
    for scan in _SCANS:
        if not scan.cues.isdisjoint(found):
            text = scan.regex.sub(replacement, text)
    endings = _ENDINGS.among(found)
    if endings and any(word.endswith(ENDINGS_OF_AGES) for word in endings):
        text = OLD_ENDINGS.sub(replacement, text)
    cues = CUES & found
    if not has_digits:
        return erase_labelled(text, cues, replacement) if not WITHOUT_DIGITS.isdisjoint(cues) else text
    if cues := cues.union(word for word in endings if word.endswith(NUMBER_ENDINGS)):
        text = erase_labelled(text, cues, replacement)
    if _TWO_DIGITS.search(text):
        if (digit := _DIGIT.search(text)) and _PAIRS.search(text, max(digit.start() - _LEAD, 0)):
            text = _PAIRS.sub(replacement, text)
        if not text.islower():
            text = _FORMATS.sub(replacement, text)
    return text
