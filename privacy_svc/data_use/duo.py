"""DUO: the terms of the GA4GH Data Use Ontology, and whether terms can be recorded in a consent."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from fairdatabase.violations import Violation
from fairdb.samples.v1.data_use_pb2 import DataUseTerm, IntendedUse

_FILE = Path(__file__).with_name("duo.toml")

PERMISSION_UNKNOWN = "DUO:0000001"
"""The group of all permissions, which stands for one that nobody has specified."""
CLINICAL_CARE = "DUO:0000043"

# Ids of diseases and of kinds of study: known ontologies only, so that the figures are no date or number of somebody.
_ONTOLOGY_ID = re.compile(
    r"(MONDO|HP|EFO|OBI|DUO):\d{7}|DOID:\d{1,7}|OMIM:\d{6}|ORPHA:\d{1,6}|NCIT:C\d{2,6}|MESH:[CD]\d{6}(\d{3})?",
    re.ASCII,
)
_ROR = re.compile(r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID as it is stored."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def to_date(text: str) -> date | None:
    """Return the day that "2027-06-30" names, or None."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


# Values of a DataUseTerm: the name in the API, the shape, and what to send instead of one that has not the shape.
_VALUES: dict[str, tuple[str, Callable[[str], object], str]] = {
    "diseases": ("diseases", _ONTOLOGY_ID.fullmatch, 'must be an id of an ontology of diseases: "MONDO:0005148"'),
    "research_types": ("researchTypes", _ONTOLOGY_ID.fullmatch, 'must be an id of an ontology: "NCIT:C15273"'),
    "countries": ("countries", _COUNTRY.fullmatch, 'must be a country of ISO 3166-1 in two capitals: "NL"'),
    "institutions": ("institutions", _ROR.fullmatch, 'must be the nine characters of a ROR id: "05wg1m734"'),
    "projects": ("projects", is_uuid, "must be the id of a study, a UUID in lower case"),
    "accounts": ("accounts", is_uuid, "must be the id of an account, a UUID in lower case"),
    "date": ("date", to_date, 'must be a date: "2027-06-30"'),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A term as duo.toml has it."""

    id: str
    label: str
    kind: Literal["permission", "modifier", "group"]
    meaning: str
    shorthand: str = ""
    needs: str = ""
    takes: str = ""
    excludes: Sequence[str] = ()


@lru_cache(maxsize=1)
def load_terms() -> Mapping[str, Term]:
    """Return every term by its id."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({term["id"]: Term(**term) for term in content["term"]})


def is_permission(term: DataUseTerm) -> bool:
    """Tell whether a term says what data may be used for."""
    known = load_terms().get(term.id)
    return known is not None and known.kind == "permission"


def find_violations(terms: Sequence[DataUseTerm], path: str, today: date) -> list[Violation]:
    """Return why terms cannot be recorded together: unknown, incomplete or contradictory. None at all are fine."""
    found: list[Violation] = []
    for index, term in enumerate(terms):
        known = load_terms().get(term.id)
        if known is None or known.kind == "group":
            mend = "is no term of the Data Use Ontology" if known is None else "is a group of terms: name one of them"
            found.append(Violation(f"{path}.{index}.id", mend))
            continue
        if any(term.id == other.id for other in terms[:index]):
            found.append(Violation(f"{path}.{index}.id", "stands twice: give all its values in one"))
        found += _violations_of_values(term, known, f"{path}.{index}", today)
    found += _contradictions([known for term in terms if (known := load_terms().get(term.id))], path)
    return found


def find_use_violations(use: IntendedUse, path: str) -> list[Violation]:
    """Return which ids, codes and dates of an intended use have not their shape."""
    given = {
        "diseases": ("diseases", use.diseases),
        "researchTypes": ("research_types", use.research_types),
        "country": ("countries", [use.country]),
        "institution": ("institutions", [use.institution]),
        "project": ("projects", [use.project]),
        "publishDate": ("date", [use.publish_date]),
        "endDate": ("date", [use.end_date]),
    }
    shapes = ((shown, values, *_VALUES[name][1:]) for shown, (name, values) in given.items())
    return [
        Violation(f"{path}.{shown}", mend)
        for shown, values, fits, mend in shapes
        if any(value and not fits(value) for value in values)
    ]


def _violations_of_values(term: DataUseTerm, known: Term, path: str, today: date) -> Iterator[Violation]:
    for name, (shown, fits, mend) in _VALUES.items():
        given = getattr(term, name)
        if given and name not in (known.needs, known.takes):
            yield Violation(f"{path}.{shown}", f"does not belong to {known.id}, {known.label}: leave it out")
        elif not given and name == known.needs:
            yield Violation(f"{path}.{shown}", f"is required with {known.id}, {known.label}: {mend}")
        elif any(not fits(value) for value in ([given] if isinstance(given, str) else given) if given):
            yield Violation(f"{path}.{shown}", mend)
        elif name == "date" and (day := to_date(term.date)) is not None and day < today:
            yield Violation(f"{path}.date", "must be a day to come")


def _contradictions(terms: Sequence[Term], path: str) -> Iterator[Violation]:
    permissions = [term for term in terms if term.kind == "permission"]
    if terms and not permissions:
        yield Violation(path, f"must hold a permission, one of {_list(load_terms().values())}")
    if len({term.id for term in permissions}) > 1:
        yield Violation(path, f"must hold one permission only; {_list(permissions)} contradict one another")
        return
    for term in permissions:
        beside = [other for other in terms if other.id != term.id]
        excluded = [other for other in beside if other.id in term.excludes or "*" in term.excludes]
        if excluded:
            yield Violation(path, f"cannot hold {_name(term)} together with {', '.join(_name(x) for x in excluded)}")


def _list(terms: Iterable[Term]) -> str:
    return ", ".join(_name(term) for term in terms if term.kind == "permission")


def _name(term: Term) -> str:
    return f"{term.id} ({term.label})"
