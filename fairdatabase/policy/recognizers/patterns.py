"""Forms: how contacts, dates, addresses and the numbers of cards and accounts are written, as patterns."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from fairdatabase.policy.recognizers.triggers import MONTHS, ROADS, STREETS, lower, signs_in
from fairdatabase.policy.text.dates import MONTH_NAMES

_INITIALS_OF_MONTHS = "".join(sorted({name[0] for name in MONTH_NAMES.split("|")}))
_LONGEST_MONTH = max(map(len, MONTH_NAMES.split("|")))
_YEAR = r"(?:1[89]|20)\d\d"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_GAP = r"[\s,./_-]{0,3}"
_DATES = (
    (
        rf"(?<!\w)(?:{_ORDINAL}\.?{_GAP}(?:of )?)?(?:{MONTH_NAMES})"
        rf"\.?{_GAP}(?:{_ORDINAL}[\s,./-]{{1,3}})?(?:{_YEAR}|'?\d\d)(?!\d)"
    ),
    rf"(?<![^\W_])(?:{MONTH_NAMES})\.? {_ORDINAL}(?!\w)",
)
_DATES_IN_FIGURES = (
    rf"(?<!\d){_YEAR}(?:[-/._:]{_MONTH}(?:[-/._:]\d{{1,2}})?| {_MONTH} \d{{1,2}}|\. {_MONTH}\. \d{{1,2}}\.?)(?!\d)",
    r"(?<![\d.])(?:0[1-9]|[12]\d|3[01])\. ?(?:0[1-9]|1[0-2])\. ?\d\d(?![\d.])",
    rf"(?<![\w.])\d{{1,2}}[. -]{{1,2}}[IVX]{{1,4}}[. -]{{1,2}}(?:{_YEAR}|\d\d)(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[-/_]\d{{1,2}}[-/_](?:{_YEAR}|\d\d)(?!\d)",
    rf"(?<![\d.])\d{{1,2}}[. ] ?\d{{1,2}}[. ] ?{_YEAR}(?!\d)",
    rf"(?<![\w/])(?:0[1-9]|1[0-2])[/-]{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\d)(?:[0-2]\d|3[01])(?:[0-2]\d|3[01]){_YEAR}(?!\d)",
)
_DATES_IN_CHINESE = r"\d{2,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?"
_DAY_AND_MONTH = rf"(?<!\w){_ORDINAL}\.?{_GAP}(?:of )?(?:{MONTH_NAMES})(?![^\W\d_])"
_CONTACTS = (
    r"[\w.+%-]{1,64}(?:@| @ |\s?[(\[{]\s?at\s?[)\]}]\s?)[\w-]+(?:\s?(?:\.|[(\[{]\s?dot\s?[)\]}])\s?[\w-]+)*",
    r"[\w.+%-]{1,64} at [\w-]+ dot \w+",
    r"[\w.+%-]{1,64} at [\w-]{1,63}(?:\.[a-z]{2,20})+(?!\w)",
    r"@\w{2,}",
    r"(?<![\w.@-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|io|eu|de|nl|be|uk|fr|ch|at|it|es|us|ca|au)(?!\w)(?:/\S*)?",
    r"(?:https?|ftp)://\S+|www\.\S+",
)
_PHONE = r"\+\d[\d\s().\-/]{5,}\d"
_CONTACTS_IN_FIGURES = (
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
    r"(?<![\w.])\(?0\d{1,5}\)?[\s\-/.]?\d[\d\s\-/.]{3,}\d(?!\w)",
    r"(?<![\w.])\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]\d{4}(?!\d)",
    r"(?<![\w.])\d{3}[.-]\d{4}(?![\d.])",
    r"(?<![\w.,])\d\d(?: \d\d){3,}(?![\w.,])",
    r"(?<!\d)\d{3}[- ]\d{2}[- ]\d{4}(?!\d)",
    r"(?<!\d)\d{6,8}[-+A]\d{3,4}[A-Z0-9]?(?!\w)",
    r"(?<![\w.,:])\d(?:[ -]?\d){8,}(?![\w]|[.,]\d)",
    # "756.1234.5678.97", "85.07.30-033.28": nine figures or more in three groups or more.
    r"(?<![\w.,:])(?=(?:\d[.-]? ?){9})\d{1,6}(?:[.-] ?\d{1,6}){2,}(?!\w)",
    # Two halves of a number, but not two years.
    r"(?<![\w.,])(?!(?:19|20)\d\d[ -](?:19|20)\d\d)\d{4}[ -]\d{4}(?![\w.,])",
)
_NUMBERS = (
    r"(?<!\w)[A-Z]{2}\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?)(?!\w)",
    r"(?<!\w)(?-i:[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D])(?!\w)",
    r"(?<!\w)(?:[SED]R[RSXPZ]|SAM(?:N|EA|D|EG)|GSM)\d{4,}(?!\w)",
)
# In free text only: where somebody lives ("5 Main St", "12 rue de la Paix", "Hauptstrasse 5"), initials ("J.D."), a
# word of capitals and figures such as a passport's number, shorter bare numbers, and what follows a word that announces
# a number or a name.
_ROAD = (
    r"(?<![\w.,])\d{1,5}[a-z]?,? (?:[\w'.-]{1,30} ){1,2}"
    r"(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd)(?!\w)"
)
_BARE_NUMBER = r"(?<![\w.,:])\d{7,8}(?![\w]|[.,]\d)"
_HOUSE = (
    r"(?=[^\W\d_]{5,40}\.? ?\d)"
    r"[^\W\d_]{2,30}(?:strasse|str\.|gasse|weg|platz|allee|straat|laan|gracht) ?\d{1,4}[a-z]?(?!\w)"
)
_PASSPORT = r"(?-i:(?=\d{0,15}[A-Z])(?=(?:[A-Z]{0,6}\d){6})[A-Z0-9]{7,20})(?!\w)"
_STREET = r"(?:\d{1,4},? )?(?:rue|chemin|calle|avenida|rua|viale|piazza) (?:[\w'-]{1,30}(?: |(?!\w))){1,4}\d{0,4}"
_INITIALS = r"(?<![\w.])(?-i:[A-Z]\.(?:[A-Z](?!\w)\.?|(?:[ -]?[A-Z]\.)+))"
_AFTER_TITLE = r"(?<= )(?:(?<=mrn )|(?<=mrn: )|(?<=ssn )|(?<=dr )|(?<=dr\. )|(?<=mr )|(?<=mrs )|(?<=ms\. ))\w+"
_AFTER_HASH = r"(?<=#)\d{3,}"
# "tel.612345678", "mrn:1234567"; behind other capitals stands the id of an ontology, behind a figure a fraction.
_AFTER_ABBREVIATION = r"(?:(?-i:(?<=[a-z][.:]))|(?<=mrn:)|(?<=ssn:)|(?<=tel[.:]))\d{7,}"

_AT_FIGURE = r"(?<!\d)(?=[\d(])"
_AT_WORD = r"(?<!\w)(?=\w)"
_ANYWHERE = sys.maxsize
# Two figures with nothing but signs between, or a month in Roman figures, or as many in a row as such a form has.
_BESIDE_FIGURES = (
    r"\d(?:[\W_]+(?:[ivx]{1,4}[\W_]+)?\d"
    rf"|\d{{8}}|(?<=0)\d{{6}}|\d{{5}}[-+a]|(?:(?<=1)[89]|(?<=2)0)\d{{6}}|\d{{3}}{_YEAR})"
)
_SEVEN_FIGURES = r"\d{7}"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """Patterns of one kind, and what a text must hold for any of them to match; without it they are not even tried."""

    pattern: re.Pattern[str]
    # So many figures at least.
    figures: int = 0
    # How far in front of the first figure or bracket of a text a match or its sign may begin.
    lead: int = _ANYWHERE
    # Stands in every match or just in front of it, in what `lower` makes of the text.
    sign: re.Pattern[str] | None = None
    # Of these one stands in every match, as a word.
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Several forms as they are tried: those of figures first, all at once, and those with words only if it has any."""

    first: tuple[Form, ...]
    with_words: tuple[Form, ...]


def _form(
    *patterns: str,
    begin: str = "",
    figures: int = 0,
    lead: int = _ANYWHERE,
    sign: str = "",
    words: frozenset[str] = frozenset(),
) -> Form:
    pattern = re.compile(rf"{begin}(?:{'|'.join(patterns)})", re.IGNORECASE)
    return Form(pattern, figures, lead, re.compile(sign) if sign else None, words)


def _joined(forms: Iterable[Form]) -> re.Pattern[str]:
    return re.compile("|".join(form.pattern.pattern for form in forms), re.IGNORECASE)


def _to_try(forms: Sequence[Form]) -> tuple[Forms, ...]:
    """Return the forms to try by how many figures a text has; the last ones are for all that have more."""
    of_figures = [form for form in forms if form.sign and form.sign.pattern in (_BESIDE_FIGURES, _SEVEN_FIGURES)]
    signs = dict.fromkeys(form.sign.pattern for form in of_figures if form.sign)
    at_once = Form(
        _joined(of_figures), min(form.figures for form in of_figures), lead=0, sign=re.compile("|".join(signs))
    )
    tried = (at_once, *(form for form in forms if form not in of_figures))
    return tuple(
        Forms(
            tuple(form for form in tried if form.figures <= figures and not form.words),
            tuple(form for form in tried if form.figures <= figures and form.words),
        )
        for figures in range(max(form.figures for form in tried) + 1)
    )


_WITH_MONTHS = _form(
    *_DATES, begin=rf"(?<!\w)(?=[\d{_INITIALS_OF_MONTHS}])", figures=1, lead=_LONGEST_MONTH + 5, words=MONTHS
)
_CONTACT = _form(*_CONTACTS, sign=r"@|://|www\.| dot |\.[a-z]|\(\s?at|\[\s?at|\{\s?at")
# Where two forms match at the same place, the first one counts.
_FORMS = (
    _WITH_MONTHS,
    _form(*_DATES_IN_FIGURES, begin=_AT_FIGURE, figures=3, lead=0, sign=_BESIDE_FIGURES),
    _form(_DAY_AND_MONTH, begin=_AT_FIGURE, figures=1, lead=0, words=MONTHS),
    _form(_DATES_IN_CHINESE, figures=2, lead=0, sign="年"),
    _CONTACT,
    _form(*_CONTACTS_IN_FIGURES, begin=_AT_FIGURE, figures=4, lead=0, sign=_BESIDE_FIGURES),
    _form(_PHONE, figures=2, sign=r"\+"),
    _form(*_NUMBERS, begin=r"(?<!\w)(?=[A-Z])", figures=2, lead=5),
)
_FORMS_OF_TEXT = (
    *_FORMS,
    _form(_ROAD, begin=_AT_FIGURE, figures=1, lead=0, words=ROADS),
    _form(_BARE_NUMBER, begin=_AT_FIGURE, figures=7, lead=0, sign=_SEVEN_FIGURES),
    _form(_HOUSE, begin=_AT_WORD, figures=1, lead=42, sign=r"strasse|str\.|gasse|weg|platz|allee|straat|laan|gracht"),
    _form(_PASSPORT, begin=_AT_WORD, figures=6, lead=6),
    _form(_STREET, begin=_AT_WORD, words=STREETS),
    _form(_INITIALS, begin=_AT_WORD, sign=r"\."),
    _form(_AFTER_TITLE, begin=_AT_WORD, sign=r"mrn:? |ssn |dr\.? |mrs? |ms\. "),
    _form(_AFTER_HASH, figures=3, lead=1, sign="#"),
    _form(_AFTER_ABBREVIATION, figures=7, lead=1, sign="[.:]"),
)
# To learn whether a value, or a free text, holds any.
FORMS, FORMS_OF_TEXT = _to_try(_FORMS), _to_try(_FORMS_OF_TEXT)


def any_of_text(text: str) -> re.Pattern[str]:
    """Return what finds every form in a free text, left out those that take longest when there is no sign of them."""
    return _without(
        *([_WITH_MONTHS] if MONTHS.isdisjoint(signs_in(text)) else []),
        *([_CONTACT] if _CONTACT.sign and not _CONTACT.sign.search(lower(text)) else []),
    )


@cache
def _without(*missing: Form) -> re.Pattern[str]:
    return _joined(form for form in _FORMS_OF_TEXT if form not in missing)
