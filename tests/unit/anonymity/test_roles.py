"""The role of a column follows from its values and, according to the policy, from its title."""

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.tables.roles import Guess, guess_roles
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
        Guess("donor", "direct", "a second column that names the subject", 2),
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
