"""Values: the form of the ids, codes and dates in data use terms and intended uses."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

# Accept only known ontologies: an arbitrary number could be somebody's date of birth or record number.
_ONTOLOGY_ID = re.compile(
    r"(MONDO|HP|EFO|OBI|DUO):\d{7}|DOID:\d{1,7}|OMIM:\d{6}|ORPHA:\d{1,6}|NCIT:C\d{2,6}|MESH:[CD]\d{6}(\d{3})?",
    re.ASCII,
)
_ROR = re.compile(r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def to_date(text: str) -> date | None:
    """Return the date that a text such as "2027-06-30" states, or None."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Form:
    """The form that the values of one field must have."""

    fits: Callable[[str], object]
    advice: str
    """Describes this form to a caller whose value does not have it."""

    def fit_all(self, values: Iterable[str]) -> bool:
        """Return whether every value has this form."""
        return all(self.fits(value) for value in values)


FORMS: Mapping[str, Form] = {
    "diseases": Form(_ONTOLOGY_ID.fullmatch, 'must be an id of a disease ontology, such as "MONDO:0005148"'),
    "research_types": Form(_ONTOLOGY_ID.fullmatch, 'must be an ontology id, such as "NCIT:C15273"'),
    "countries": Form(_COUNTRY.fullmatch, 'must be a two-letter country code of ISO 3166-1 in capitals, such as "NL"'),
    "institutions": Form(_ROR.fullmatch, 'must be the nine characters of a ROR id, such as "05wg1m734"'),
    "projects": Form(_is_uuid, "must be the id of a study: a UUID in lower case"),
    "accounts": Form(_is_uuid, "must be the id of an account: a UUID in lower case"),
    "date": Form(to_date, 'must be a date, such as "2027-06-30"'),
}
"""The form of each field of DataUseTerm that holds values."""
