"""Validation: whether a consent can record these data use terms, and whether an intended use is well formed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from fairdatabase.violations import Violation
from fairdb.samples.v1.data_use_pb2 import DataUseTerm, IntendedUse
from privacy_svc.data_use.duo import Term, canonical_id, find_by_shorthand, has_id_form, load_terms
from privacy_svc.data_use.values import FORMS, to_date


def canonicalise_ids(terms: Iterable[DataUseTerm]) -> None:
    """Replace other forms of the terms' ids by the ids: "DUO_0000042" by "DUO:0000042"."""
    for term in terms:
        term.id = canonical_id(term.id)


def find_term_violations(terms: Sequence[DataUseTerm], path: str, today: date) -> list[Violation]:
    """Return the violations of unknown, incomplete or contradictory terms. A consent need not have any term."""
    found: list[Violation] = []
    for index, term in enumerate(terms):
        known = load_terms().get(term.id)
        if known is None:
            found.append(Violation(f"{path}.{index}.id", _advice_on_id(term.id)))
        elif known.kind == "group":
            found.append(Violation(f"{path}.{index}.id", "is a group of terms: choose one of its terms"))
        else:
            if any(term.id == other.id for other in terms[:index]):
                found.append(Violation(f"{path}.{index}.id", "is repeated: list all its values in one term"))
            found += _value_violations(term, known, f"{path}.{index}", today)
    found += _contradictions([known for term in terms if (known := load_terms().get(term.id))], path)
    return found


def _advice_on_id(written: str) -> str:
    term = find_by_shorthand(written)
    if term is not None:
        return f"must be the id of the term: {term.id} for {term.shorthand} ({term.label})"
    return "must be the id of a term of the Data Use Ontology, such as DUO:0000042 (general research use)"


def find_id_violations(terms: Sequence[DataUseTerm], path: str) -> list[Violation]:
    """Return the terms whose ids do not have the form of the ontology's ids. The ontology may have newer terms."""
    return [
        Violation(f"{path}.{index}.id", _advice_on_id(term.id))
        for index, term in enumerate(terms)
        if not has_id_form(term.id)
    ]


def find_use_violations(use: IntendedUse, path: str) -> list[Violation]:
    """Return the fields of an intended use whose ids, codes or dates are malformed."""
    given = {
        "diseases": ("diseases", use.diseases),
        "researchTypes": ("research_types", use.research_types),
        "country": ("countries", [use.country]),
        "institution": ("institutions", [use.institution]),
        "project": ("projects", [use.project]),
        "publishDate": ("date", [use.publish_date]),
        "endDate": ("date", [use.end_date]),
    }
    return [
        Violation(f"{path}.{shown}", FORMS[name].advice)
        for shown, (name, values) in given.items()
        if not FORMS[name].fit_all(filter(None, values))
    ]


def _value_violations(term: DataUseTerm, known: Term, path: str, today: date) -> Iterator[Violation]:
    for name, form in FORMS.items():
        field = f"{path}.{DataUseTerm.DESCRIPTOR.fields_by_name[name].json_name}"
        value = getattr(term, name)
        if value and name not in (known.needs, known.takes):
            yield Violation(field, f"does not belong to {_name(known)}: leave it out")
        elif not value and name == known.needs:
            yield Violation(field, f"is required with {_name(known)}: {form.advice}")
        elif value and not form.fit_all([value] if isinstance(value, str) else value):
            yield Violation(field, form.advice)
        elif name == "date" and (day := to_date(term.date)) is not None and day < today:
            yield Violation(field, "must not be in the past")


def _contradictions(terms: Sequence[Term], path: str) -> Iterator[Violation]:
    permissions = [term for term in terms if term.kind == "permission"]
    if terms and not permissions:
        choices = [term for term in load_terms().values() if term.kind == "permission"]
        yield Violation(path, f"must include a permission, one of {_names(choices)}")
    if len({term.id for term in permissions}) > 1:
        yield Violation(path, f"must include one permission only: choose one of {_names(permissions)}")
        return
    for term in permissions:
        others = [other for other in terms if other.id != term.id]
        excluded = [other for other in others if other.id in term.excludes or "*" in term.excludes]
        if excluded:
            yield Violation(path, f"cannot combine {_name(term)} with {_names(excluded)}")


def _names(terms: Iterable[Term]) -> str:
    return ", ".join(map(_name, terms))


def _name(term: Term) -> str:
    return f"{term.id} ({term.label})"
