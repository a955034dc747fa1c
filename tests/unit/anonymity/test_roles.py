"""The role of a column follows from its values and, according to the policy, from its title."""

import pytest

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.tables.roles import Guess, guess_roles, shared_identifiers
from fairdatabase.policy.tables.reader import load_policy

POLICY = load_policy()


def test_roles_follow_from_titles_and_values() -> None:
    table = table_of(
        {
            "sample_id": ["s1", "s2", "s3"],
            "subject_id": ["p", "p", "q"],
            "donor": ["p", "p", "q"],
            "age": ["30", "30", "31"],
            "age_years": ["30", "30", "31"],
            "sex": ["F", "M", "F"],
            "country_ontology_term_id": ["a", "b", "c"],
            "disease": ["flu", "flu", "IBD"],
            "body_site": ["feces"] * 3,
            "shoe size": ["40", "41", "42"],
            "hat size": ["40", "40", "42"],
        }
    )
    assert guess_roles(POLICY, table) == [
        Guess("sample_id", "direct", "sample_id", 3),
        Guess("subject_id", "subject", "names the person", 2),
        Guess("donor", "direct", "subject_id names the person", 2),
        Guess("age", "quasi", "age", 2),
        Guess("age_years", "companion", "same information as age", 2),
        Guess("sex", "quasi", "sex", 2),
        Guess("country_ontology_term_id", "companion", "same information as country", 3),
        Guess("disease", "sensitive", "disease", 2),
        Guess("body_site", "public", "body_site", 1),
        Guess("shoe size", "unknown", "not in the policy; a different value in every row", 3),
        Guess("hat size", "unknown", "not in the policy", 2),
    ]


def test_only_the_shortest_title_is_used_of_columns_with_the_same_information() -> None:
    ages = {title: ["30", "30", "31"] for title in ("age_max", "age_min", "age", "age_years")}
    table = table_of({**ages, "sex": ["F", "F", "M"]})
    assert [(guess.title, guess.role, guess.why) for guess in guess_roles(POLICY, table)] == [
        ("age_max", "companion", "same information as age"),
        ("age_min", "companion", "same information as age"),
        ("age", "quasi", "age"),
        ("age_years", "companion", "same information as age"),
        ("sex", "quasi", "sex"),
    ]


def test_column_has_the_role_of_its_most_revealing_value() -> None:
    table = table_of(
        {
            "isolation_source": ["feces", "skin of a diabetic", "feces"],
            "body_site": ["tongue", "prostate", "n/a"],
            "sample_type": ["swab", "stool", "unusualword"],
            "body_site_ontology_term_id": ["UBERON:0001723", "MONDO:0005148", ""],
            "education": ["college", "school", "smoker"],
        }
    )
    assert [(guess.role, guess.why) for guess in guess_roles(POLICY, table)] == [
        ("sensitive", "isolation_source; says something about health or treatment"),
        ("quasi", "body_site; says something about sex"),
        ("public", "sample_type"),
        ("sensitive", "body_site_ontology_term_id; says something about health or treatment"),
        ("sensitive", "education; says something about health or treatment"),
    ]


@pytest.mark.parametrize(("columns", "subject"), [
    ({"DONOR": ["Human"] * 4, "HOST_SUBJECT_ID": ["w1", "w1", "w2", "w3"]}, "HOST_SUBJECT_ID"),
    ({"donor": ["XXQIITAXX"] * 4, "individual": ["k7", "k8", "k8", "k9"]}, "individual"),
    ({"host_subject_id": ["not collected"] * 4, "patient": ["k7", "k8", "k8", "k9"]}, "patient"),
    ({"subject": ["cohort-4"] * 4, "individual": ["k7", "k8", "k8", "k9"]}, "individual"),
    ({"subject": ["mother", "child", "mother", "child"], "person": ["k7", "k7", "k8", "k8"]}, "person"),
    ({"individual": ["k7", "k8", "k8", "k9"], "host_subject_id": ["w1", "w1", "w2", "w3"]}, "host_subject_id"),
    ({"subject_id": ["q1"] * 4}, "subject_id"),
    ({"case_id": ["c1", "c1", "c2", "c3"]}, "case_id"),
    ({"donor": ["Human", "human", "volunteer", "NA"]}, None),
    ({"donor": ["Human", "K-9", "Human", "K-10"], "host": ["mouse"] * 4}, "donor"),
])  # fmt: skip
def test_subject_is_the_column_that_tells_people_apart(columns: dict[str, list[str]], subject: str | None) -> None:
    roles = {guess.title: guess.role for guess in guess_roles(POLICY, table_of(columns))}
    assert [title for title, role in roles.items() if role == "subject"] == ([subject] if subject else [])
    assert {roles[title] for title in columns if title not in (subject, "host")} <= {"direct"}


@pytest.mark.parametrize(("columns", "shared"), [
    ({"other patient id": ["a", "a", "b"], "age": ["1", "2", "3"]}, ["other patient id"]),
    ({"family": ["f1", "f1", "f2", "f3"], "external_id": ["x1", "x1", "x2", "x2"]}, ["family", "external_id"]),
    ({"name": ["Ann", "Bob", "Ann"], "country": ["Chad", "Chad", "Peru"]}, ["name"]),
    ({"sample_id": ["s1", "s2", "s3"]}, []),
    ({"run": ["r1", "r1", "r1"]}, []),
    ({"mrn": ["n/a", "n/a", "m1", "m2"]}, []),
    ({"shoe size": ["41", "41", "42"]}, []),
])  # fmt: skip
def test_identifiers_that_rows_share_may_name_people(columns: dict[str, list[str]], shared: list[str]) -> None:
    table = table_of(columns)
    assert shared_identifiers(guess_roles(POLICY, table), table, POLICY.vocabulary) == shared
