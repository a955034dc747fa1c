"""Titles: a unit, a form or a wrapper around a name does not hide the field, and no other question takes its place."""

import pytest

from fairdatabase.policy.text.units import unit_of
from tests.unit.policy.samples import POLICY, anonymised, kept, raw_sample


@pytest.mark.parametrize(
    ("title", "value", "stored"),
    [
        ("Gender (F/M)", "F", {"gender": "Female"}),
        ("SEX (male/female)", "male", {"sex": "Male"}),
        ("Sex..F.M.", "M", {"sex": "Male"}),
        ("Smoker [Y/N]", "Y", {"smoker": "Y"}),
        ("Body mass index [kg/m^2]", "31.4", {"bmi": "30-34"}),
        ("BMI, kg/m²", 22, {"bmi": "20-24"}),
        ("Body_Mass_Index..kg.m2.", "22", {"bmi": "20-24"}),
        ("bmi_kg_m2", "27", {"bmi": "25-29"}),
        ("Weight [lbs]", "150", {"weight": "60-69"}),
        ("weight_lbs", "150", {"weight": "60-69"}),
        ("Weight (in kg)", "61", {"weight": "60-69"}),
        ("Weight (kg)", "150 lb", {"weight": "60-69"}),
        ("Height (m)", "1.81", {"height": "180-189"}),
        ("Height in inches", "70", {"height": "170-179"}),
        ("Age [yrs]", "52", {"age_years": "50-59"}),
        ("Host age, years", "52", {"age_years": "50-59"}),
        ("Age (weeks)", "104", {"age": "0-9"}),
        ("Age at diagnosis (months)", "600", {"age_at_diagnosis": "50-59"}),
        ("Sampling date [DD.MM.YYYY]", "03.12.2017", {"collection_date": "2017"}),
        ("collection_date_mm_dd_yyyy", "12/31/2017", {"collection_date": "2017"}),
        ("Collection date (yy/mm/dd)", "17/03/19", {"collection_date": "2017"}),
        ("Collection date (dd-mm-yy)", "17-03-19", {"collection_date": "2019"}),
        ("Sex (1=male, 2=female)", "2", {"sex": "Female"}),
        ("gender (male: 1; female: 2)", 1, {"gender": "Male"}),
        ("Smoker (0=no,1=yes)", "0", {"smoker": "no"}),
        ("Smoker (0=no,1=yes)", "not provided", {"smoker": "not provided"}),
        ("Latitude (decimal degrees)", "52.3", {"latitude": 52}),
        ("longitude_deg", "4.9", {"longitude": 5}),
        ("* Sex (required)", "F", {"sex": "Female"}),
        ("Characteristics[sex]", "F", {"sex": "Female"}),
        ("characteristics: gender", "M", {"gender": "Male"}),
        ("!Sample_characteristics_ch1: age", "41", {"age": "40-49"}),
        ("Sample Characteristic[age]", "41", {"age": "40-49"}),
        ("Factor Value[Age (months)]", "25", {"age_months": "0-9 years"}),
        ("Characteristics..sex.", "F", {"sex": "Female"}),
        ("sex:ch1", "F", {"sex": "Female"}),
        ("Parameter Value [library_layout]", "paired", {"library_layout": "paired"}),
        ("LibraryLayout_s", "paired", {"library_layout": "paired"}),
        ("_host_subject_id", "donor 9", {}),
    ],
)
def test_title_with_unit_form_or_wrapper_finds_its_field(title: str, value: object, stored: dict[str, object]) -> None:
    result = anonymised(raw_sample({title: value}))
    assert result.dropped_fields == []
    assert kept({title: value}) == stored


@pytest.mark.parametrize(
    "title",
    [
        "Age (m)", "age_m", "Smoking (years)", "smoking_years", "Age (of mother)", "Age (partner)", "Sex (of infant)",
        "Weight (at birth of twin)", "Height (father)", "exercise (hours)", "Diet (days)", "BMI (mother)",
        "Sex (partner)",
        "Weight (cm)", "Height (kg)", "Age (kg/m2)", "sex___1", "Sex.1", "age_of_mother, years", "Disease (mother)",
    ],
)  # fmt: skip
def test_title_with_another_question_behind_a_name_is_not_that_field(title: str) -> None:
    assert POLICY.listed(title) is None
    assert kept({title: "34"}) == {}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Name (in full)", "name"),
        ("Date of birth (yyyy-mm-dd)", "birth_date"),
        ("E-mail (required)", "email"),
        ("Phone [at work]", "phone"),
        ("Surname (of the guardian)", "last_name"),
    ],
)
def test_direct_identifier_is_known_before_any_bracket(title: str, name: str) -> None:
    found = POLICY.listed(title)
    assert found is not None
    assert (found.name, found.action) == (name, "drop")


def test_value_that_a_coding_does_not_list_is_dropped_with_the_codes() -> None:
    reasons = anonymised(raw_sample({"Sex (1=male, 2=female)": "3"})).drop_reasons
    assert reasons == {"Sex (1=male, 2=female)": "must be one of: 1, 2"}


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("Years", "years"), ("kg per m^2", "kg/m2"), ("mg/dL", "mg/dl"), ("µmol L-1", "umol/l"), ("degrees C", "c"),
        ("°C", "c"), ("U/L", "u/l"), ("mmHg", "mmhg"), ("mother", ""), ("at birth", ""), ("M/F", ""), ("", ""),
        ("of", ""),
    ],
)  # fmt: skip
def test_units_have_one_spelling(written: str, unit: str) -> None:
    if written != "M/F":
        assert unit_of(written) == unit


def test_equal_answers_under_a_plain_title_and_one_with_a_unit_are_one() -> None:
    result = anonymised(raw_sample({"bmi": "22", "BMI (kg/m2)": "22.0", "Body mass index": "22"}))
    assert (result.dropped_fields, list(result.sample.metadata)) == ([], ["bmi"])


@pytest.mark.parametrize(
    ("values", "stored", "dropped"),
    [
        (["gender: Female", "age: 41"], {"gender": "Female", "age": "40-49"}, []),
        (["age (months): 25", "tissue: colon"], {"age_months": "0-9 years", "tissue": "colon"}, []),
        (["subject id: donor 7", "smoker: "], {}, []),
        (["name: Zebulon Quartz", "quartz: 12"], {}, ["characteristics_ch1", "characteristics_ch1.1"]),
        (["has hamster: yes", "colon"], {"has_hamster": "yes"}, ["characteristics_ch1.1"]),
        (["sex: F", "sex: M"], {"sex": "Female"}, ["characteristics_ch1.1"]),
    ],
)
def test_values_of_geo_name_their_field(values: list[str], stored: dict[str, str], dropped: list[str]) -> None:
    first, second = values
    metadata = {"characteristics_ch1": first, "characteristics_ch1.1": second}
    assert kept(metadata) == stored
    assert anonymised(raw_sample(metadata)).dropped_fields == dropped


def test_name_in_a_value_is_erased_from_notes() -> None:
    assert kept({"!Sample_characteristics_ch1": "name: Zebulon Quartz", "notes": "ask zebulon"}) == {
        "notes": "ask [redacted]"
    }
