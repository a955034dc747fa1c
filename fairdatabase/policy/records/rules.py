"""Rules: the functions that apply each action of the policy to one value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fairdatabase.policy.recognizers.detection import is_identifying
from fairdatabase.policy.recognizers.numbering import is_number_alone
from fairdatabase.policy.recognizers.organism import ADVICE, is_organism
from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.recognizers.publications import is_publication
from fairdatabase.policy.recognizers.study_names import is_study_name
from fairdatabase.policy.recognizers.terms import are_ontology_ids, is_term
from fairdatabase.policy.records import amounts, postcodes
from fairdatabase.policy.records.free_text import redact
from fairdatabase.policy.records.generalisation import (
    band,
    coordinates,
    grid,
    is_decimal,
    read_number,
    read_quantity,
    year_of,
)
from fairdatabase.policy.records.occasions import is_code
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold, squash
from fairdatabase.policy.text.scalars import Scalar, plain

_LONGEST_PATTERN = 100
OTHER = "other"
_WHOLE_AS_FLOAT = re.compile(r"\d+\.0+", re.ASCII)
# Letters that are units in a column of units. In an age, they may also be a sex.
_UNITS_OF_AGE = {"m": "months", "w": "weeks", "h": "hours"}
_STATES = "United States"
_TERRITORIES = ("American Samoa", "Guam", "Northern Mariana Islands", "Puerto Rico", "US Virgin Islands")
_BASES = "ACGTUNRYSWKMBDHVI"
_SEQUENCE = re.compile(rf"(?:[A-Za-z]{{1,3}}[:=] ?)?([{_BASES}]{{8,60}}|[{_BASES.lower()}]{{8,60}})")
_LEAST_PLAIN_BASES = 2 / 3
"""The minimum share of A, C, G, T and U. Each other letter denotes several bases and is rare in a sequence."""
_SEPARATOR = re.compile(r"[;,] ?")


@dataclass(frozen=True, slots=True, eq=False)
class RuleContext:
    """The data that a rule may use besides the value."""

    vocabulary: Vocabulary
    # The record's own identifiers.
    identifiers: Identifiers
    # Units by the name of the field that gives them.
    units: Mapping[str, str]
    # The country of the record, and whether the title of its postcode is "zip": needed only for a postcode.
    country: str = ""
    is_zip: bool = False


Rule = Callable[[Field, Scalar, RuleContext], Scalar | None]
"""Returns the stored form of a clean value, or None to drop it. Raises Implausible to drop it for the given reason."""


def expected_form(field: Field) -> str:
    """Return the form that a value must have to be kept by the field's rule."""
    if field.action in ("vocabulary", "common"):
        return f"must be one of: {', '.join(dict.fromkeys(field.values.values()))}"
    return _EXPECTED.get(field.action, "")


def _drop(field: Field, value: Scalar, context: RuleContext) -> None:
    return None


def _vocabulary(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return field.values.get(squash(plain(value)))


def _common(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    if stored := _vocabulary(field, value, context):
        return stored
    return OTHER if isinstance(value, str) and is_term(value, field, context.vocabulary) else None


def _term(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    if isinstance(value, str):
        is_listed = bool(field.values) and squash(value) in field.values
        return value if is_listed or (value != "-" and is_term(value, field, context.vocabulary)) else None
    return value if isinstance(value, bool) or is_number_alone(plain(value)) else None


def _answer(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return context.vocabulary.questions.answer(value)


def _pattern(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    value = _without_fraction(value)
    text = plain(value)
    if len(text) > _LONGEST_PATTERN or field.pattern is None or not field.pattern.fullmatch(text):
        return None
    if field.certain is not None and field.certain.fullmatch(text):
        return value
    return None if is_identifying(text) else value


def _without_fraction(value: Scalar) -> Scalar:
    """Return a whole number as a program writes it in a column with gaps, "9606.0", without its fraction."""
    text = plain(value)
    return text.partition(".")[0] if _WHOLE_AS_FLOAT.fullmatch(text) else value


def _publication(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    value = _without_fraction(value)
    text = plain(value)
    if len(text) > _LONGEST_PATTERN or field.pattern is None or not field.pattern.fullmatch(text):
        return None
    return value if is_publication(text, context.vocabulary) else None


def _study(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return value if isinstance(value, str) and is_study_name(value, context.vocabulary) else None


def _prefix(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    vocabulary = context.vocabulary
    return postcodes.region(
        fold(plain(value)).upper(),
        field.digits,
        context.country,
        context.is_zip,
        vocabulary.countries,
        vocabulary.postcode_figures,
    )


def _sequence(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    text = plain(value)
    return text if all(_is_sequence(part) for part in _SEPARATOR.split(text)) else None


def _is_sequence(text: str) -> bool:
    match = _SEQUENCE.fullmatch(text)
    if match is None:
        return False
    bases = match[1].upper()
    return sum(bases.count(base) for base in "ACGTU") >= _LEAST_PLAIN_BASES * len(bases)


def _number(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return amounts.amount(field, value)


def _measurements(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return amounts.measurements(field, value, context.vocabulary.missing)


def _occasion(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    if isinstance(value, str) and not is_decimal(value):
        return value if is_code(value) else None
    number = read_number(value)
    return number if field.lowest <= number <= field.highest else None


def _band(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    if field.values and isinstance(value, str) and (word := field.values.get(squash(value))):
        return word
    read_in = context.units.get(field.unit_field) or field.read_in or field.unit
    if len(read_in) == 1 and field.unit == "years":
        read_in = _UNITS_OF_AGE.get(read_in.lower(), read_in)
    quantity = read_quantity(value, field.unit, read_in, field.lowest, field.highest)
    interval = band(*quantity, width=field.width, bottom=field.bottom, top=field.top)
    # Under a title such as "age in months", a band without its unit would be read in months.
    return f"{interval} {field.unit}" if field.read_in else interval


def _year(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return year_of(value)


def _country(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return country_of(plain(value), context.vocabulary)


def country_of(text: str, vocabulary: Vocabulary) -> str | None:
    """Return the country or sea of a place: "United States" of "USA:Colorado:Boulder" and of "Boulder, CO, USA"."""
    countries = vocabulary.countries
    if country := countries.get(squash(text)) or countries.get(squash(text.split(":", 1)[0])):
        return country
    parts = text.split(":", 1)[0].split(",")
    begins, ends = countries.get(squash(parts[0])), countries.get(squash(parts[-1]))
    if ends == _STATES and begins not in _TERRITORIES:
        # "Georgia, USA", "Lebanon, NH, USA".
        return ends
    # "Springfield, Georgia" is in the United States.
    return begins or (ends if ends != "Georgia" else None)


def _grid(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return float(grid(value, field.lowest, field.highest))


def _coordinates(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return coordinates(value)


def _organism(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return value if isinstance(value, str) and is_organism(value, context.vocabulary) else None


def _text(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    return redact(plain(value), context.vocabulary, context.identifiers)


def _ontology(field: Field, value: Scalar, context: RuleContext) -> Scalar | None:
    if not isinstance(value, str):
        return None
    # Most values are one short id.
    is_good = context.vocabulary.short_id.fullmatch(value) or are_ontology_ids(value, context.vocabulary)
    return value if is_good else None


RULES: Mapping[str, Rule] = {
    "drop": _drop,
    "unit": _drop,
    "vocabulary": _vocabulary,
    "common": _common,
    "term": _term,
    "answer": _answer,
    "pattern": _pattern,
    "publication": _publication,
    "study": _study,
    "prefix": _prefix,
    "sequence": _sequence,
    "number": _number,
    "measurements": _measurements,
    "occasion": _occasion,
    "band": _band,
    "year": _year,
    "country": _country,
    "grid": _grid,
    "coordinates": _coordinates,
    "organism": _organism,
    "text": _text,
    "ontology": _ontology,
}

# Actions for whose values "none" and "-" are answers.
HAVE_ANSWERS = frozenset(("vocabulary", "common", "term", "answer", "text", "organism", "study"))

# How to correct a value that a rule drops without a reason of its own.
_EXPECTED = {
    "term": "must be a short phrase of words that the vocabulary knows",
    "answer": "must be an answer such as 'yes', 'never' or 'daily'",
    "pattern": "must have the form of this field's values",
    "publication": "must be a PubMed id of at least five digits, or a DOI without names, dates and codes of people",
    "study": "must be a surname with initials and a year, as in 'SchirmerM_2016'",
    "occasion": "must be a number up to 20 or a short code ('V1', 'baseline', 'week 4'), not in years or months",
    "sequence": "must be nucleotides of 8 to 60 letters",
    "country": "must begin with the name or code of a country: 'Netherlands', 'NL', 'USA: Colorado'",
    "organism": ADVICE,
    "ontology": "must be an id of an ontology that the vocabulary lists: 'NCIT:C115935'",
}
