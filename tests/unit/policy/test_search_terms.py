"""Search terms: a filter in the words of a sheet finds what was stored, or says what to ask instead."""

import pytest

from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.records.search_terms import SearchTerms, Unanswerable
from fairdatabase.policy.tables.reader import load_policy
from fairdatabase.policy.text.scalars import Scalar, read
from fairdb.samples.v1.sample_pb2 import RawSample

POLICY = load_policy()
TERMS = SearchTerms(POLICY)


@pytest.mark.parametrize(
    ("path", "value", "stored_path", "stored"),
    [
        ("metadata.Host Age", 52.0, "metadata.age", "50-59"),
        ("metadata.age", "52 years", "metadata.age", "50-59"),
        ("metadata.age", "50-59", "metadata.age", "50-59"),
        ("metadata.patient_sex", "f", "metadata.sex", "Female"),
        ("metadata.geo_loc_name", "USA: Maine", "metadata.geo_loc_name", "United States"),
        ("collectionDate", "2017-02-03", "collectionDate", "2017"),
        ("collectionDate", "03.02.2017", "collectionDate", "2017"),
        ("metadata.species", "escherichia coli", "organism", "escherichia coli"),
        ("organism", "Human gut metagenome", "organism", "Human gut metagenome"),
        ("metadata.ph", "7.134", "metadata.ph", 7.13),
        ("metadata.host_age", "Not collected", "metadata.age", "not collected"),
        ("metadata.notes", "Taken after breakfast", "metadata.notes", "Taken after breakfast"),
        ("metadata.non_westernized", "no", "metadata.westernized", "yes"),
        ("metadata.c-section", "Yes", "metadata.delivery_mode", "cesarean"),
        ("metadata.Weight (lbs)", 150.0, "metadata.weight", "60-69"),
        ("metadata.has_hamster", "TRUE", "metadata.has_hamster", "yes"),
        ("owner", "0195d3c0-0000-7000-8000-000000000000", "owner", "0195d3c0-0000-7000-8000-000000000000"),
    ],
)
def test_comparison_is_made_in_stored_form(path: str, value: Scalar, stored_path: str, stored: Scalar) -> None:
    assert TERMS.translate(path, "=", value) == (stored_path, "=", stored)


@pytest.mark.parametrize(
    ("path", "operator", "value", "advice"),
    [
        ("metadata.shoe size of aunt", "=", 42.0, "stores no metadata field of this name"),
        ("metadata.email", "=", "a@b.example", "metadata.email is never stored"),
        ("metadata.patient_id", "=", "P1", "the pseudonym that a sample shows"),
        ("metadata.age_unit", "=", "years", "metadata.age_unit is not stored"),
        ("metadata.sex", "=", "robot", "must be one of:"),
        ("metadata.age", "=", "old", "the value of metadata.age must be"),
        ("metadata.age", "=", 300.0, "must be between 0 and 130 years"),
        ("metadata.age", ">", 40.0, "stored in bands"),
        ("metadata.lat_lon", "<", "40 N 105 W", "places have no order"),
        ("collectionDate", "=", "yesterday", "must be a date"),
        ("metadata.country", "=", "Atlantis", "the name or code of a country"),
        ("metadata.non_westernized", "=", "sometimes", "must be one of: yes"),
        ("metadata.has_hamster", "=", "Zebulon", "must be an answer"),
    ],
)
def test_impossible_comparison_says_what_to_ask(path: str, operator: str, value: Scalar, advice: str) -> None:
    with pytest.raises(Unanswerable, match=advice) as raised:
        TERMS.translate(path, operator, value)
    assert "aunt" not in str(raised.value)


@pytest.mark.parametrize(
    ("operator", "value", "asked"),
    [
        (">", "2018-11-05", (">=", "2018")),
        ("<", "2018-11-05", ("<=", "2018")),
        (">", "2018", (">", "2018")),
        ("<", 2018.0, ("<", "2018")),
    ],
)
def test_year_of_a_day_is_included_in_a_comparison_by_order(
    operator: str, value: Scalar, asked: tuple[str, str]
) -> None:
    assert TERMS.translate("collectionDate", operator, value)[1:] == asked


def test_unknown_value_differs_from_every_stored_value() -> None:
    assert TERMS.translate("metadata.sex", "!=", "robot") == ("metadata.sex", "!=", "robot")
    assert TERMS.translate("metadata.sex", "!=", "F") == ("metadata.sex", "!=", "Female")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host_age", "34"), ("Age", "90+"), ("BMI", "23.4"), ("weight", "71"), ("height", "180"), ("sex", "M"),
        ("Country", "DE"), ("body site", "Stool"), ("disease", "Crohn's disease"), ("ph", "6.82"), ("depth", "1.25"),
        ("latitude", "52.4"), ("smoker", "no"), ("sequencing_platform", "ILLUMINA"), ("date_of_collection", "2012-05"),
        ("env_medium", "feces"), ("host_taxid", "9606"), ("diet", "vegan"), ("number_reads", "12345678"),
    ],
)  # fmt: skip
def test_words_of_the_sender_find_what_was_stored(name: str, value: str) -> None:
    raw = RawSample(organism="human gut metagenome")
    raw.metadata[name].string_value = value
    sample = Anonymiser(POLICY).anonymise(raw, lambda subject: subject).sample
    ((stored_name, stored),) = sample.metadata.items()
    assert TERMS.translate(f"metadata.{name}", "=", value) == (f"metadata.{stored_name}", "=", read(stored))
    # The stored form finds itself.
    again = read(stored)
    assert again is not None
    assert TERMS.translate(f"metadata.{stored_name}", "=", again) == (f"metadata.{stored_name}", "=", again)
