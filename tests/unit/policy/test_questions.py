"""Questions: each keeps its own answer, and a title never becomes another question."""

from pathlib import Path

import pytest

from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_PUBLIC, FIELD_CLASS_SENSITIVE
from tests.unit.policy.samples import POLICY, VOCABULARY_QUESTIONS, anonymised, kept, raw_sample

SURVEY = {
    "mouthwash_frequency": "Rarely (less than once/week)",
    "has_hamster": "Yes",
    "OwnsRabbit": "no",
    "beer_frequency": "1-2 times per week",
    "white_wine": "never",
    "red_wine": "Monthly",
    "tree_nuts_allergy": "not sure",
    "pollen_allergy": "true",
    "rosacea": "Diagnosed by a medical professional (doctor, physician assistant)",
    "snoring": "Often",
    "oily_fish_intake": "Less than once a week",
    "nail_biter": False,
    "stress_level": 4,
    "sauna": "Regularly (3-5 times/week)",
    "antibiotics_past_2_weeks": "no",
}


def test_each_question_of_a_survey_keeps_its_own_sensitive_answer() -> None:
    result = anonymised(raw_sample(SURVEY))
    assert result.dropped_fields == []
    assert len(result.sample.metadata) == len(SURVEY)
    assert set(result.classes.values()) == {FIELD_CLASS_SENSITIVE}
    assert kept(SURVEY)["owns_rabbit"] == "no"
    assert kept(SURVEY)["stress_level"] == 4
    assert kept(SURVEY)["pollen_allergy"] == "yes"


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("quartz_frequency", "daily"),
        ("has_cat_zebulon", "yes"),
        ("anna allergy", "yes"),
        ("will smoke", "yes"),
        ("has hamster", "zebulon"),
        ("has hamster", "34"),
        ("has hamster", "34 years"),
        ("has hamster", "12 13 14"),
        ("has hamster", "monday 12"),
        ("has hamster", "left palm"),
        ("her name", "yes"),
        ("living address", "no"),
        ("is male", "yes"),
        ("age of son", "3"),
        ("born abroad", "yes"),
        ("house number 123", "yes"),
        ("12 13 14 drinks", "yes"),
        ("7", "yes"),
        ("a b", "yes"),
        ("HasCat" * 10, "yes"),
        ("1 has cat", "yes"),
        ("wohnt bei", "ja"),
    ],
)
def test_anything_else_is_unknown_and_named(title: str, value: str) -> None:
    result = anonymised(raw_sample({title: value}))
    assert (result.dropped_fields, dict(result.sample.metadata)) == ([title], {})


def test_text_under_a_question_is_erased_from_notes_as_for_any_unknown_title() -> None:
    assert kept({"has hamster": "Zebulon Quartz", "notes": "ask zebulon"}) == {"notes": "ask [redacted]"}


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("mother_age", "age"), ("age_of_onset", "age"), ("last_antibiotic_use", "antibiotic_use"),
        ("no_antibiotics", "antibiotics"), ("never_smoked", "smoker"), ("infant_sex", "sex"), ("mother_bmi", "bmi"),
        ("father_height", "height"), ("partner_smoker", "smoker"), ("maternal_age", "age"),
        ("sibling_asthma", "asthma"),
        ("infant_weight", "weight"), ("birth_weight", "weight"), ("weight_change", "weight"), ("weight_loss", "weight"),
        ("gestational_age", "age"), ("age_at_diagnosis", "age"), ("age_at_death", "age"), ("bmi_category", "bmi"),
        ("bmi_at_birth", "bmi"), ("hip", "waist_circumference"), ("hip_circumference", "waist_circumference"),
        ("waist_hip_ratio", "waist_circumference"), ("pack_years", "brinkman_index"), ("smoking_status", "smoker"),
        ("menstruation", "obgyn_menopause"), ("t1d", "diabetes"), ("t2d", "diabetes"), ("asthma", "lung_disease"),
        ("copd", "lung_disease"), ("crohns disease", "ibd"), ("ulcerative colitis", "ibd"), ("alt", "elevation"),
        ("fasting_glucose", "glucose"), ("antibiotics past 3 months", "antibiotics_current_use"),
        ("nationality", "country"),
        ("country_of_birth", "country"), ("race", "ethnicity"), ("lifestyle", "westernized"),
        ("family_asthma", "asthma"),
        ("non_smoker", "smoker"), ("without_diabetes", "diabetes"), ("mother_has_diabetes", "diabetes"),
        ("diabetes_medication", "diabetes"), ("cancer_in_family", "cancer"), ("ex_smoker", "smoker"),
        ("allergic to i have no food allergies that i know of", "allergy"), ("visit_date", "enrollment_date"),
        ("surgery_date", "diagnosis_date"), ("birth_length", "height"), ("storage temperature", "sample_storage"),
        ("air temperature", "temperature"), ("organ donor", "body_site"), ("father_disease", "disease"),
    ],
)  # fmt: skip
def test_title_never_becomes_another_question(title: str, other: str) -> None:
    found = POLICY.listed(title)
    assert found is None or found.name != other
    for value in ("yes", "no", "34"):
        assert other not in kept({title: value})


@pytest.mark.parametrize(
    ("title", "value", "stored"),
    [
        ("non westernized", "yes", {"westernized": "no"}),
        ("NonWesternised", "FALSE", {"westernized": "yes"}),
        ("non_westernized", True, {"westernized": "no"}),
        ("c-section", "no", {"delivery_mode": "vaginal"}),
        ("born_by_c_section", "true", {"delivery_mode": "cesarean"}),
        ("host_csection", "Y", {"delivery_mode": "cesarean"}),
        ("caesarean section", "not provided", {"delivery_mode": "not provided"}),
        ("caesarean", "emergency", {}),
        ("csection", "2", {}),
    ],
)
def test_declared_translation_stores_what_the_answer_means(title: str, value: object, stored: dict[str, str]) -> None:
    assert kept({title: value}) == stored


@pytest.mark.parametrize(
    ("value", "is_answer"),
    [
        ("6-7 hours", True), ("1-2", True), ("3+", True), ("Less than 5 hours", True), ("more than 5 years ago", True),
        ("Twice a week", True), ("every 2 weeks", True), ("Rarely (a few times/month)", True), ("ja", True),
        ("34", False), ("8 months", False), ("3 years", False), ("12 days", False), ("10 months old", False),
        ("1985", False), ("12/11", False), ("10/12/11", False), ("15 times a week", False), ("May", False),
        ("in 1985", False), ("twice in 1985", False), ("Zebulon daily", False), ("daily at 12:30", False),
    ],
)  # fmt: skip
def test_frequency_is_an_answer_but_no_age_or_date_is(value: str, is_answer: bool) -> None:
    assert bool(kept({"has hamster": value})) == is_answer


def test_two_spellings_of_one_question_are_one_question() -> None:
    assert kept({"has_hamster": "yes", "HasHamster": "YES"}) == {"has_hamster": "yes"}
    result = anonymised(raw_sample({"has_hamster": "yes", "HasHamster": "no"}))
    assert (len(result.dropped_fields), list(result.sample.metadata)) == (1, ["has_hamster"])


def test_every_stored_answer_comes_back_unchanged() -> None:
    for answer in set(VOCABULARY_QUESTIONS.answers.values()):
        assert kept({"has hamster": answer}) == {"has_hamster": answer}


TITLES = (Path(__file__).with_name("survey_titles.txt")).read_text(encoding="utf-8").split()


def test_each_of_hundreds_of_survey_questions_has_a_field_of_its_own() -> None:
    assert len(TITLES) > 300
    fields: dict[str, str] = {}
    for title in TITLES:
        result = anonymised(raw_sample({title: "yes"}))
        assert (title, result.dropped_fields) == (title, [])
        (field,) = result.sample.metadata
        assert result.classes.get(f"metadata.{field}", FIELD_CLASS_PUBLIC) != FIELD_CLASS_PUBLIC, title
        assert field not in fields, (title, fields[field])
        fields[field] = title
