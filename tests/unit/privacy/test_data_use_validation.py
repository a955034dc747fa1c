"""Validation of data use terms and intended uses."""

from datetime import date
from typing import Any

import pytest

from fairdatabase.violations import Violation
from fairdb.samples.v1.data_use_pb2 import DataUseTerm, IntendedUse
from privacy_svc.data_use.duo import load_terms
from privacy_svc.data_use.validation import (
    canonicalise_ids,
    find_id_violations,
    find_term_violations,
    find_use_violations,
)

TODAY = date(2026, 6, 1)
ID = "0192f0c4-0000-7000-8000-00000000000a"
VALUES: dict[str, Any] = {
    "diseases": ["MONDO:0005148", "DOID:9352"],
    "research_types": ["NCIT:C15273"],
    "countries": ["NL"],
    "institutions": ["05wg1m734"],
    "projects": [ID],
    "accounts": [ID],
    "date": "2026-06-01",
}
BAD: dict[str, Any] = {
    "diseases": ["diabetes"],
    "research_types": ["MONDO:19850412"],
    "countries": ["NLD"],
    "institutions": ["Leiden"],
    "projects": [ID.upper()],
    "accounts": ["somebody"],
    "date": "2026-W30-1",
}
SHOWN = {"research_types": "researchTypes"}
PERMISSIONS = [id for id, term in load_terms().items() if term.kind == "permission"]
MODIFIERS = [id for id, term in load_terms().items() if term.kind == "modifier"]


def complete(id: str) -> DataUseTerm:
    needed = load_terms()[id].needs
    return DataUseTerm(id=id, **({needed: VALUES[needed]} if needed else {}))


def fields(*terms: DataUseTerm) -> list[str]:
    return [violation.field for violation in find_term_violations(terms, "dataUse", TODAY)]


@pytest.mark.parametrize("id", PERMISSIONS)
def test_permission_alone_is_valid(id: str) -> None:
    assert fields(complete(id)) == []


@pytest.mark.parametrize("id", MODIFIERS)
def test_modifier_requires_a_permission(id: str) -> None:
    assert fields(complete("DUO:0000042"), complete(id)) == []
    assert fields(complete(id)) == ["dataUse"]


@pytest.mark.parametrize("id", [id for id, term in load_terms().items() if term.needs])
def test_missing_required_value_is_a_violation(id: str) -> None:
    needed = load_terms()[id].needs
    others = [] if id in PERMISSIONS else [complete("DUO:0000042")]
    assert fields(DataUseTerm(id=id), *others) == [f"dataUse.0.{needed}"]


@pytest.mark.parametrize("name", VALUES)
def test_value_must_be_well_formed_and_belong_to_its_term(name: str) -> None:
    id = next(id for id, term in load_terms().items() if name in (term.needs, term.takes))
    others = [] if id in PERMISSIONS else [complete("DUO:0000042")]
    shown = f"dataUse.0.{SHOWN.get(name, name)}"
    assert fields(DataUseTerm(id=id, **{name: VALUES[name]}), *others) == []
    assert fields(DataUseTerm(id=id, **{name: BAD[name]}), *others) == [shown]
    assert fields(DataUseTerm(id="DUO:0000042", **{name: VALUES[name]})) == [shown]
    bad = find_term_violations([DataUseTerm(id=id, **{name: BAD[name]}), *others], "dataUse", TODAY)
    assert "".join(BAD[name]) not in bad[0].description


@pytest.mark.parametrize("id", ["DUO:0009999", "DUO:0000001", "DUO:0000017"])
def test_unknown_term_and_group_are_violations(id: str) -> None:
    assert fields(DataUseTerm(id="DUO:0000042"), DataUseTerm(id=id)) == ["dataUse.1.id"]


def test_past_date_is_a_violation() -> None:
    yesterday = DataUseTerm(id="DUO:0000025", date="2026-05-31")
    assert find_term_violations([complete("DUO:0000042"), yesterday], "dataUse", TODAY) == [
        Violation("dataUse.1.date", "must not be in the past")
    ]


@pytest.mark.parametrize(
    "ids",
    [
        ("DUO:0000042", "DUO:0000006"),
        ("DUO:0000004", "DUO:0000046"),
        ("DUO:0000011", "DUO:0000044"),
        ("DUO:0000006", "DUO:0000007", "DUO:0000046"),
    ],
)
def test_contradictory_terms_are_one_violation(ids: tuple[str, ...]) -> None:
    assert fields(*(complete(id) for id in ids)) == ["dataUse"]


def test_repeated_term_is_a_violation() -> None:
    assert fields(complete("DUO:0000007"), complete("DUO:0000007")) == ["dataUse.1.id"]


def test_no_terms_are_valid() -> None:
    assert fields() == []


def test_malformed_values_of_a_use_are_violations() -> None:
    good = IntendedUse(
        diseases=["MONDO:0005148"], country="NL", institution="05wg1m734", project=ID, end_date="2027-01-01"
    )
    bad = IntendedUse(
        diseases=["flu"],
        research_types=["x"],
        country="nl",
        institution="x",
        project="x",
        publish_date="x",
        end_date="x",
    )
    assert find_use_violations(good, "use") == []
    assert {violation.field for violation in find_use_violations(bad, "use")} == {
        f"use.{name}"
        for name in ("diseases", "researchTypes", "country", "institution", "project", "publishDate", "endDate")
    }


@pytest.mark.parametrize("written", ["duo:0000006", "DUO_0000006", "duo_0000006", "DUO:0000006"])
def test_other_forms_of_an_id_are_the_id(written: str) -> None:
    url = f"http://purl.obolibrary.org/obo/{written.replace(':', '_')}"
    terms = [DataUseTerm(id=written), DataUseTerm(id=url)]
    canonicalise_ids(terms)
    assert [term.id for term in terms] == ["DUO:0000006"] * 2


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("HMB", "must be the id of the term: DUO:0000006 for HMB"),
        ("nres", "must be the id of the term: DUO:0000004 for NRES"),
        ("general research", "must be the id of a term of the Data Use Ontology, such as DUO:0000042"),
        ("DUO:42", "must be the id of a term"),
        ("DUO:0009999", "must be the id of a term"),
        ("", "must be the id of a term"),
    ],
)
def test_unknown_id_is_refused_with_the_id_to_send(written: str, advice: str) -> None:
    (violation,) = find_term_violations([DataUseTerm(id=written)], "dataUse", TODAY)
    assert violation.field == "dataUse.0.id"
    assert violation.description.startswith(advice)
    assert bool(find_id_violations([DataUseTerm(id=written)], "terms")) is (written != "DUO:0009999")
