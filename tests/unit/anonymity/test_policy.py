"""What a column is taken for is what the policy takes it for when the same name is sent in a sample."""

import tomllib

import pytest

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.model.values import is_missing
from fairdatabase.anonymity.tables.roles import Guess, guess_roles, read_guide
from fairdatabase.policy.tables.reader import load_policy
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from tests.unit.privacy.records import FOLDER, GROUPS

POLICY = load_policy()
GUIDE = read_guide((FOLDER / "policy.toml").read_text(encoding="utf-8"))
CLASSES = {
    FieldClass.FIELD_CLASS_UNSPECIFIED: "direct",
    FieldClass.FIELD_CLASS_QUASI_IDENTIFIER: "quasi",
    FieldClass.FIELD_CLASS_SENSITIVE: "sensitive",
    FieldClass.FIELD_CLASS_RESTRICTED: "restricted",
    FieldClass.FIELD_CLASS_PUBLIC: "public",
}
LISTED = [name for group in GROUPS for field, others in group["fields"].items() for name in (field, *others)]
MADE = [
    *("host_age", "Patient.Sex", "BODY-SITE", "#SampleID", "second_email", "âge", "Geschlecht", "shoe size"),
    *("", "_", "..."),
    *("country_ontology_term_id", "disease_ontology_term_id", "host_body_site_ontology_term_id", "x_ontology_term_id"),
    *("sex_ontology_term_id_ontology_term_id", "hostname", "Patiëntnummer"),
]  # fmt: skip


@pytest.mark.parametrize("make", [str, str.upper, lambda name: f"host_{name}", lambda name: f"{name}_ontology_term_id"])
def test_every_name_has_the_class_that_the_policy_gives_it(make: type[str]) -> None:
    assert len(LISTED) > 500
    for title in map(make, [*LISTED, *MADE]):
        theirs, ours = POLICY.resolve(title), GUIDE.meaning(title)
        assert (ours is None) == (theirs is None), title
        if theirs and ours:
            assert ours.field_class == CLASSES[theirs.field_class], title
            assert ours.name + "_ontology_term_id" * ours.companion == theirs.name


def test_what_the_vocabulary_calls_missing_is_missing() -> None:
    missing = tomllib.loads((FOLDER / "vocabulary.toml").read_text(encoding="utf-8"))["missing"]
    assert [text for text in (*missing["terms"], *missing["blanks"]) if not is_missing(text.upper())] == []


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
    assert guess_roles(GUIDE, table) == [
        Guess("sample_id", "direct", "sample_id", 3),
        Guess("subject_id", "subject", "names the person", 2),
        Guess("donor", "direct", "names the subject again", 2),
        Guess("age", "quasi", "age", 2),
        Guess("age_years", "companion", "says the same as age", 2),
        Guess("sex", "quasi", "sex", 2),
        Guess("country_ontology_term_id", "companion", "says the same as country", 3),
        Guess("disease", "sensitive", "disease", 2),
        Guess("body_site", "public", "body_site", 1),
        Guess("shoe size", "unknown", "not in the policy; another value in every row", 3),
        Guess("hat size", "unknown", "not in the policy", 2),
    ]


def test_of_columns_that_say_the_same_the_plainest_title_stays() -> None:
    ages = {title: ["30", "30", "31"] for title in ("age_max", "age_min", "age", "age_years")}
    table = table_of({**ages, "sex": ["F", "F", "M"]})
    assert [(guess.title, guess.role, guess.why) for guess in guess_roles(GUIDE, table)] == [
        ("age_max", "companion", "says the same as age"),
        ("age_min", "companion", "says the same as age"),
        ("age", "quasi", "age"),
        ("age_years", "companion", "says the same as age"),
        ("sex", "quasi", "sex"),
    ]
