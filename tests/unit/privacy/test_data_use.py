"""Data use: every DUO term against uses that it allows, denies, or leaves to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from fairdb.samples.v1.data_use_pb2 import (
    USE_OUTCOME_ALLOWED,
    USE_OUTCOME_DENIED,
    USE_OUTCOME_NEEDS_PERSON,
    USE_PURPOSE_ANCESTRY_RESEARCH,
    USE_PURPOSE_CLINICAL_CARE,
    USE_PURPOSE_DISEASE_RESEARCH,
    USE_PURPOSE_GENERAL_RESEARCH,
    USE_PURPOSE_HEALTH_RESEARCH,
    USE_PURPOSE_METHOD_DEVELOPMENT,
    DataUseTerm,
    IntendedUse,
    UseOutcome,
)
from privacy_svc.data_use.combining import ConsentTerms, combine
from privacy_svc.data_use.duo import PERMISSION_UNKNOWN, load_terms
from privacy_svc.data_use.matching import match
from privacy_svc.data_use.use_rules import RULES

TODAY = date(2026, 6, 1)
DIABETES, ASTHMA = "MONDO:0005148", "MONDO:0004979"
ME, OTHER = "0192f0c4-0000-7000-8000-00000000000a", "0192f0c4-0000-7000-8000-00000000000b"
PURPOSES = {
    "general": IntendedUse(purposes=[USE_PURPOSE_GENERAL_RESEARCH]),
    "health": IntendedUse(purposes=[USE_PURPOSE_HEALTH_RESEARCH]),
    "diabetes": IntendedUse(purposes=[USE_PURPOSE_DISEASE_RESEARCH], diseases=[DIABETES]),
    "asthma": IntendedUse(purposes=[USE_PURPOSE_DISEASE_RESEARCH], diseases=[ASTHMA]),
    "both diseases": IntendedUse(purposes=[USE_PURPOSE_DISEASE_RESEARCH], diseases=[ASTHMA, DIABETES]),
    "some disease": IntendedUse(purposes=[USE_PURPOSE_DISEASE_RESEARCH]),
    "ancestry": IntendedUse(purposes=[USE_PURPOSE_ANCESTRY_RESEARCH]),
    "methods": IntendedUse(purposes=[USE_PURPOSE_METHOD_DEVELOPMENT]),
    "care": IntendedUse(purposes=[USE_PURPOSE_CLINICAL_CARE]),
    "nothing": IntendedUse(),
}


def use(*purposes: str, **facts: Any) -> IntendedUse:
    """Return a use for all these purposes, with these declared facts."""
    made = IntendedUse(**facts)
    for purpose in purposes:
        made.MergeFrom(PURPOSES[purpose])
    return made


@dataclass(frozen=True)
class Row:
    """For one term, the uses with each expected outcome. An empty list means that the term never has that outcome."""

    allowed: Sequence[IntendedUse]
    denied: Sequence[IntendedUse]
    person: Sequence[IntendedUse]
    values: Mapping[str, Any] = field(default_factory=dict)


def fact(name: str, wanted: bool = True) -> Row:
    return Row([use(**{name: wanted})], [use(**{name: not wanted})], [use("general")])


TABLE = {
    "DUO:0000001": Row([], [], [use("general"), use()]),
    "DUO:0000017": Row([], [], [use("general"), use()]),
    "DUO:0000004": Row([use(), use("care"), use("general"), use("methods", "ancestry")], [], []),
    "DUO:0000042": Row(
        [use("general"), use("health"), use("diabetes"), use("ancestry"), use("methods")],
        [use("care"), use("general", "care")],
        [use()],
    ),
    "DUO:0000006": Row(
        [use("health"), use("diabetes"), use("some disease"), use("methods", "health")],
        [use("general"), use("ancestry"), use("care"), use("health", "ancestry"), use("methods", "general")],
        [use(), use("methods")],
    ),
    "DUO:0000007": Row(
        [use("diabetes"), use("diabetes", "methods")],
        [use("health"), use("general"), use("ancestry"), use("care"), use("diabetes", "general")],
        [use(), use("some disease"), use("asthma"), use("both diseases"), use("methods")],
        {"diseases": [DIABETES]},
    ),
    "DUO:0000011": Row(
        [use("ancestry"), use("ancestry", "methods")],
        [use("general"), use("health"), use("diabetes"), use("care"), use("ancestry", "health")],
        [use(), use("methods")],
    ),
    "DUO:0000012": Row(
        [use(research_types=["NCIT:C15273"])],
        [],
        [use("general"), use(research_types=["NCIT:C15197"]), use(research_types=["NCIT:C15273", "NCIT:C15197"])],
        {"research_types": ["NCIT:C15273"]},
    ),
    "DUO:0000015": Row([use("health")], [use("methods"), use("health", "methods")], [use()]),
    "DUO:0000016": fact("genetic"),
    "DUO:0000018": Row(
        [use(commercial=False, not_for_profit=True)],
        [use(commercial=True), use(not_for_profit=False), use(commercial=True, not_for_profit=True)],
        [use(), use(commercial=False), use(not_for_profit=True)],
    ),
    "DUO:0000019": fact("publishes"),
    "DUO:0000020": fact("collaborates"),
    "DUO:0000021": fact("ethics_approved"),
    "DUO:0000022": Row([use(country="NL")], [use(country="US")], [use()], {"countries": ["NL", "DE"]}),
    "DUO:0000024": Row(
        [use(publish_date="2027-01-01"), use(publishes=False)],
        [use(publish_date="2026-12-31"), use(publishes=False, publish_date="2026-12-31")],
        [use(), use(publishes=True)],
        {"date": "2027-01-01"},
    ),
    "DUO:0000025": Row(
        [use(end_date="2027-01-01")], [use(end_date="2027-01-02")], [use("general")], {"date": "2027-01-01"}
    ),
    "DUO:0000026": Row([use(account=ME)], [use(account=OTHER)], [use()], {"accounts": [ME]}),
    "DUO:0000027": Row([use(project=ME)], [use(project=OTHER)], [use()], {"projects": [ME]}),
    "DUO:0000028": Row(
        [use(institution="05wg1m734")], [use(institution="012p63287")], [use()], {"institutions": ["05wg1m734"]}
    ),
    "DUO:0000029": fact("returns_results"),
    "DUO:0000043": Row([use(), use("care"), use("general")], [], []),
    "DUO:0000044": Row([use("health")], [use("ancestry"), use("health", "ancestry")], [use()]),
    "DUO:0000045": fact("not_for_profit"),
    "DUO:0000046": fact("commercial", wanted=False),
}
CASES = [
    pytest.param(DataUseTerm(id=id, **row.values), intended, outcome, id=f"{id}-{UseOutcome.Name(outcome)}-{index}")
    for id, row in TABLE.items()
    for outcome, uses in (
        (USE_OUTCOME_ALLOWED, row.allowed),
        (USE_OUTCOME_DENIED, row.denied),
        (USE_OUTCOME_NEEDS_PERSON, row.person),
    )
    for index, intended in enumerate(uses)
]


def test_all_25_terms_have_a_rule_and_a_row() -> None:
    assert len(load_terms()) == 25
    assert set(load_terms()) == set(RULES) == set(TABLE)


@pytest.mark.parametrize(("term", "intended", "outcome"), CASES)
def test_term_judges_a_use(term: DataUseTerm, intended: IntendedUse, outcome: UseOutcome.ValueType) -> None:
    findings = {finding.term: finding for finding in match([term], intended, TODAY).findings}
    assert findings[term.id].outcome == outcome, findings[term.id].reason
    assert findings[term.id].label == load_terms()[term.id].label
    assert findings[term.id].reason


@pytest.mark.parametrize("id", ["DUO:0000012", "DUO:0000026", "DUO:0000027", "DUO:0000022", "DUO:0000024"])
def test_term_without_its_value_needs_a_person(id: str) -> None:
    declared = use(
        "general", research_types=["NCIT:C15273"], account=ME, project=ME, country="NL", end_date="2027-01-01"
    )
    answer = match([DataUseTerm(id="DUO:0000004"), DataUseTerm(id=id)], declared, TODAY)
    assert (answer.outcome, answer.term) == (USE_OUTCOME_NEEDS_PERSON, id)


def test_moratorium_ends_and_time_limit_includes_its_last_day() -> None:
    moratorium, limit = (
        DataUseTerm(id="DUO:0000024", date="2026-06-01"),
        DataUseTerm(id="DUO:0000025", date="2026-06-01"),
    )
    after = date(2026, 6, 2)
    ends = use("general", publishes=True, publish_date="2026-06-01", end_date="2026-06-01")
    permission = DataUseTerm(id="DUO:0000042")
    assert match([permission, moratorium, limit], ends, TODAY).outcome == USE_OUTCOME_ALLOWED
    assert match([permission, moratorium], use("general", publishes=True), TODAY).outcome == USE_OUTCOME_ALLOWED
    late = match([permission, limit], ends, after)
    assert (late.outcome, late.reason) == (USE_OUTCOME_DENIED, "the time limit has passed")


def test_denial_outranks_a_term_that_needs_a_person() -> None:
    terms = [DataUseTerm(id=id) for id in ("DUO:0000042", "DUO:0000021", "DUO:0000046")]
    answer = match(terms, use("general", commercial=True), TODAY)
    assert (answer.outcome, answer.term, answer.reason) == (USE_OUTCOME_DENIED, "DUO:0000046", "the use is commercial")
    assert [finding.term for finding in answer.findings] == ["DUO:0000046", "DUO:0000021", "DUO:0000042"]


@pytest.mark.parametrize("terms", [[], [DataUseTerm(id="DUO:0000046")], [DataUseTerm(id="DUO:0000043")]])
def test_without_a_permission_a_person_must_decide(terms: list[DataUseTerm]) -> None:
    answer = match(terms, use("care", "general", commercial=False), TODAY)
    assert (answer.outcome, answer.term) == (USE_OUTCOME_NEEDS_PERSON, PERMISSION_UNKNOWN)


def test_unknown_term_needs_a_person() -> None:
    answer = match([DataUseTerm(id="DUO:0000004"), DataUseTerm(id="DUO:0009999")], use("general"), TODAY)
    assert (answer.outcome, answer.term) == (USE_OUTCOME_NEEDS_PERSON, "DUO:0009999")


def test_clinical_care_modifier_permits_care_in_addition_to_research() -> None:
    terms = [DataUseTerm(id="DUO:0000006"), DataUseTerm(id="DUO:0000043")]
    assert match(terms, use("care"), TODAY).outcome == USE_OUTCOME_ALLOWED
    assert match(terms, use("care", "health"), TODAY).outcome == USE_OUTCOME_ALLOWED
    assert match(terms, use("care", "ancestry"), TODAY).outcome == USE_OUTCOME_DENIED


GENERAL, HEALTH, CARE = (DataUseTerm(id=f"DUO:{id}") for id in ("0000042", "0000006", "0000043"))
UNKNOWN = DataUseTerm(id=PERMISSION_UNKNOWN)


@pytest.mark.parametrize(
    ("consents", "terms"),
    [
        ([], [UNKNOWN]),
        ([ConsentTerms([], by_donor=False)], [UNKNOWN]),
        ([ConsentTerms([GENERAL], by_donor=False)], [GENERAL]),
        ([ConsentTerms([GENERAL], by_donor=False), ConsentTerms([HEALTH], by_donor=True)], [HEALTH, GENERAL]),
        # If an account gives no permission, its donor's permission applies. The opposite is not true.
        ([ConsentTerms([], by_donor=False), ConsentTerms([HEALTH], by_donor=True)], [HEALTH]),
        ([ConsentTerms([GENERAL], by_donor=False), ConsentTerms([], by_donor=True)], [UNKNOWN, GENERAL]),
        # An expired consent permits nothing, but its conditions still apply.
        ([ConsentTerms([HEALTH], by_donor=False, in_force=False)], [UNKNOWN, HEALTH]),
        ([ConsentTerms([HEALTH, CARE], by_donor=False), ConsentTerms([HEALTH], by_donor=True)], [HEALTH]),
        ([ConsentTerms([HEALTH, CARE], by_donor=False), ConsentTerms([HEALTH, CARE], by_donor=True)], [HEALTH, CARE]),
    ],
)
def test_terms_of_all_consents_are_combined(consents: list[ConsentTerms], terms: list[DataUseTerm]) -> None:
    assert combine(consents) == terms
