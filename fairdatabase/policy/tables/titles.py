"""Titles: separates the title of a column into a name, a unit and the form of its values, and reads values by them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from fairdatabase.policy.text.characters import clean, squash
from fairdatabase.policy.text.dates import this_year
from fairdatabase.policy.text.scalars import Scalar, plain
from fairdatabase.policy.text.units import MOST_PARTS, unit_of

_LONGEST = 256
# "Characteristics[sex]", "!Sample_characteristics_ch1: age", "Comment [notes]", "Factor Value[diet]".
_WRAPPED = re.compile(
    r"(?:sample[ _.]?)?(?:characteristics?|factor[ _.]?values?|parameter[ _.]?values?|comments?|attributes?)"
    r"(?:[ _.]?ch[12])?(?P<ontology> ontology term)? ?(?:[\[(:.]) ?(?P<name>[^\[\]:]+?) ?[\]).]?",
    re.IGNORECASE,
)
# Tables of the Genomic Data Commons: "demographic.gender", "samples.sample_type".
_RECORD = re.compile(r"(?:samples?|cases?|diagnos[ei]s|demographic|exposures|treatments|full_metadata)\.(?P<name>.+)")
# Columns of GEO whose values name the field: "characteristics_ch1.2" with "age: 34".
_NAMED_IN_VALUES = re.compile(r"!?(?:sample[ _.])?characteristics[ _.]ch[12](?:\.\d{1,3})?", re.IGNORECASE)
# GEO's suffix for the channel of an array: "age:ch1".
_CHANNEL = re.compile(r"[:.]ch[12]$", re.IGNORECASE)
_BRACKETS = re.compile(r"(?P<name>[^\[({<]*[^\[({< ]) ?[\[({<] ?(?P<inside>[^\[\](){}<>]{1,60}?) ?[\])}>]")
_BEHIND = re.compile(r"(?P<name>.+?)(?:, ?| in | - | ?/ ?|: )(?P<inside>[^,]{1,40})")
_WORDS = re.compile(r"[ _.]+")
# "Sample_Name_s": run tables of NCBI once ended each title with the type of its values.
_TYPED = re.compile(r"(?P<name>.{2,})_[sl]")
# A title's remark that changes neither its question nor its values.
_REMARKS = """
    required optional mandatory recommended ifknown ifapplicable ifavailable freetext text string numeric integer
    float decimal categorical selfreported iso8601 iso utc gmt dropdown codedvalue decimaldegrees
    decimaldegree degrees deg dd wgs84 n e north east degn dege degreesnorth degreeseast units unitless
"""
# Units that end a title without a bracket. One letter may mean something else there: "age_m".
_SHORT_UNITS_BEHIND = frozenset(("y", "m", "kg", "cm", "mm", "lb", "ft", "km", "c", "bp", "mg", "ml", "ul", "ng", "ug"))
_DEGREES_BEHIND = frozenset(("deg", "degrees", "dd"))
_ANSWERS = "m f male female men women other o y n yes no true false t unknown unk u na pos neg positive negative 0 1 x"
_ANSWER_WORDS, _REMARK_WORDS = frozenset(_ANSWERS.split()), frozenset(_REMARKS.split())
_DATE_PART = re.compile(r"(?P<part>y{4}|y{2}|m{1,3}|d{1,2})", re.IGNORECASE)
_DATE_FORM = re.compile(
    r"(?:(?:y{4}|y{2}|m{1,3}|d{1,2})[/. -]?){1,3}(?:[ T]?h{1,2}:?m{1,2}(?::?s{1,2})?)?", re.IGNORECASE
)
_CODE = re.compile(r"(?P<code>[0-9]{1,2}|[A-Za-z]) ?[=:] ?(?P<label>[A-Za-z][A-Za-z -]{0,30})")
_CODE_LAST = re.compile(r"(?P<label>[A-Za-z][A-Za-z -]{0,30}?) ?[=:] ?(?P<code>[0-9]{1,2})")
_NEXT_CODE = re.compile(r" ?[,;/|] ?| (?=[0-9]{1,2} ?[=:])")
# A letter or a sign of a unit, but not the exponent of a number.
_SIGN_OF_UNIT = re.compile(r"(?<!\d)[^\W\d_]|[^\W\d_](?![+-]?\d)|[%°'\"]")
_DATE_PARTS = re.compile(r"\d+")


class Title(NamedTuple):
    """A possible reading of a title."""

    name: str
    unit: str = ""
    """The unit of the values: "years", "kg/m2"."""
    form: str = ""
    """The form of the values: "dd/mm/yyyy", "M/F", "1=male, 2=female"."""
    is_bracketed: bool = True
    """Whether unit and form are set off from the name. If not, they may also be words of the name."""
    is_understood: bool = True
    """Whether the text behind the name is a unit, a form or a remark. Any other text may change the question."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How to read the values under a title."""

    unit: str = ""
    date_form: str = ""
    codes: Mapping[str, str] = field(default_factory=dict[str, str])
    """What each value means, by the squashed value."""
    must_translate: bool = False
    """Whether a value that `codes` does not list means nothing under this title."""

    def read(self, value: Scalar) -> Scalar:
        """Return the value in the form that a field's rule reads. Raises ValueError, which says what to correct."""
        if self.codes:
            return self._translate(value)
        text = plain(value)
        if self.unit and not isinstance(value, bool) and not _SIGN_OF_UNIT.search(text):
            return f"{text} {self.unit}"
        if self.date_form:
            return _as_iso(text, self.date_form) or value
        return value

    def _translate(self, value: Scalar) -> Scalar:
        text = squash(plain(value))
        if (meaning := self.codes.get(text)) is not None:
            return meaning
        if self.must_translate or text.isdecimal():
            raise ValueError(f"must be one of: {', '.join(self.codes)}")
        return value


def names_fields_in_values(title: str) -> bool:
    """Return whether each value under a title begins with the name of its field: "age: 34"."""
    return _NAMED_IN_VALUES.fullmatch(title) is not None


def read_title(title: str) -> Iterator[Title]:
    """Yield the possible readings of a title, the most literal one first."""
    text = clean(title)
    if len(text) > _LONGEST:
        return
    text = _CHANNEL.sub("", text.strip(" \"'*#!?:"))
    yield Title(text)
    if wrapped := _WRAPPED.fullmatch(text):
        text = f"{wrapped['name']}{' ontology term id' if wrapped['ontology'] else ''}"
        yield Title(text)
    if record := _RECORD.fullmatch(text):
        text = record["name"]
        yield Title(text)
    while match := _BRACKETS.fullmatch(text):
        if (inside := _read_inside(match["inside"])) is None:
            yield Title(match["name"], is_understood=False)
            return
        text = match["name"]
        yield Title(text, *inside)
    if (match := _BEHIND.fullmatch(text)) and (inside := _read_inside(match["inside"])) is not None:
        yield Title(match["name"], *inside)
    if match := _TYPED.fullmatch(text):
        yield Title(match["name"])
    yield from _unit_in_last_words(text)


def reading_of(title: Title) -> Reading | None:
    """Return how to read the values under a title, or None if its name says it all."""
    if title.unit:
        return Reading(unit=title.unit)
    if _DATE_FORM.fullmatch(title.form):
        return Reading(date_form=title.form.lower())
    codes = _codes(title.form)
    return Reading(codes=codes) if codes else None


def _read_inside(text: str) -> tuple[str, str] | None:
    """Return the unit and the form that a text in brackets gives, or None if it is neither."""
    text = text.removeprefix("in ")
    if squash(text) in _REMARK_WORDS:
        return "", ""
    # "M/F" would otherwise be metres per degree Fahrenheit.
    if _are_answers(text):
        return "", text
    if unit := unit_of(text):
        return unit, ""
    return ("", text) if _DATE_FORM.fullmatch(text) or _codes(text) else None


def _are_answers(text: str) -> bool:
    """Return whether a text lists the answers to a question: "Y/N"."""
    parts = re.split(r" ?[/|,] ?| or ", text.lower())
    return len(parts) > 1 and all(part in _ANSWER_WORDS for part in parts)


def _codes(text: str) -> dict[str, str]:
    """Return the meanings of the codes that a text lists: "1=male, 2=female"."""
    parts = _NEXT_CODE.split(text.strip())
    for form in (_CODE, _CODE_LAST):
        found = [form.fullmatch(part) for part in parts]
        if len(parts) > 1 and all(found):
            return {squash(match["code"]): match["label"].strip().lower() for match in found if match}
    return {}


def _unit_in_last_words(text: str) -> Iterator[Title]:
    """Yield readings in which the last words are a unit or a form: "bmi_kg_m2", "Date..dd.mm.yyyy."."""
    words = [word for word in _WORDS.split(text) if word]
    for count in range(1, min(MOST_PARTS, len(words) - 1) + 1):
        name, behind = "_".join(words[:-count]), words[-count:]
        together = "/".join(behind)
        unit = unit_of(" ".join(behind)) or unit_of(together)
        if together.lower() in _DEGREES_BEHIND:
            yield Title(name)
        if _are_answers(together) or (count > 1 and _DATE_FORM.fullmatch(together)):
            yield Title(name, "", together, is_bracketed=False)
        elif unit and (len(together) > 2 or together.lower() in _SHORT_UNITS_BEHIND):
            yield Title(name, unit, is_bracketed=False)


def _as_iso(text: str, form: str) -> str:
    """Return a date that is written in a form in ISO 8601, or "" if it is not written so."""
    parts = [match["part"][0] for match in _DATE_PART.finditer(form.partition("h")[0])]
    numbers = dict(zip(parts, _DATE_PARTS.findall(text), strict=False))
    if "".join(sorted(numbers)) not in ("dmy", "my") or len(numbers) < len(parts):
        return ""
    digits, year = len(numbers["y"]), int(numbers["y"])
    if digits != (4 if "yyyy" in form else 2):
        return ""
    if digits == 2:
        year += this_year() // 100 * 100
        if year > this_year():
            return ""
    try:
        iso = date(year, int(numbers["m"]), int(numbers.get("d", 1))).isoformat()
    except ValueError:
        return ""
    return iso if "d" in numbers else iso[: len("2008-10")]
