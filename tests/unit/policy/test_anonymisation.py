"""Anonymisation: what is stored of a sample, what is reported about it, and what is refused."""

import pytest
from google.protobuf.struct_pb2 import Value

from fairdatabase.policy.records.anonymisation import InvalidSample
from fairdatabase.policy.records.preview import preview
from fairdb.privacy.v1.field_class_pb2 import FieldClass
from fairdb.samples.v1.sample_service_pb2 import FieldPreview
from tests.unit.policy.samples import ANONYMISER, KEYSTORE, POLICY, STUDY, anonymised, kept, raw_sample, violations

PALM = {
    "#SampleID": "L1S8",
    "BarcodeSequence": "AGCTGACTAGTC",
    "LinkerPrimerSequence": "GTGCCAGCMGCCGCGGTAA",
    "BodySite": "left palm",
    "Year": "2008",
    "Month": "10",
    "Day": "28",
    "Subject": "subject-1",
    "ReportedAntibioticUsage": "Yes",
    "DaysSinceExperimentStart": "0",
    "Description": "subject-1.left-palm.2008-10-28",
}


def test_real_row_keeps_useful_values_and_loses_the_donor() -> None:
    result = anonymised(raw_sample(PALM, organism="human skin metagenome"))
    assert {key: value.string_value for key, value in result.sample.metadata.items()} == {
        "linker_primer_sequence": "GTGCCAGCMGCCGCGGTAA",
        "body_site": "left palm",
        "year": "2008",
        "antibiotic_use": "Yes",
        "description": "[redacted].left-palm.[redacted]",
    }
    assert result.sample.subject == KEYSTORE.pseudonym(STUDY, "subject-1")
    assert result.dropped_fields == ["#SampleID", "BarcodeSequence", "Day", "DaysSinceExperimentStart", "Month"]


def test_each_stored_field_has_its_class_and_action() -> None:
    raw = raw_sample(
        {"age": 34, "disease": "Healthy", "body_site": "feces"}, subject="s-1", collection_date="2008-10-28"
    )
    raw.taxon_id = 562
    result = anonymised(raw)
    assert result.classes == {
        "subject": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
        "collectionDate": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
        "metadata.age": FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
        "metadata.disease": FieldClass.FIELD_CLASS_SENSITIVE,
    }
    assert result.actions == {
        "organism": "kept",
        "taxonId": "kept",
        "subject": "pseudonym within the study",
        "collectionDate": "year",
        "metadata.age": "age in bands of 10 years",
        "metadata.disease": "kept",
        "metadata.body_site": "kept",
    }
    assert (result.sample.collection_date, result.sample.taxon_id) == ("2008", 562)


@pytest.mark.parametrize(("age", "left"), [("34", "30-39"), ("35-44", "30-49")])
def test_age_range_has_the_same_action_as_a_number(age: str, left: str) -> None:
    result = anonymised(raw_sample({"age": age}))
    assert result.sample.metadata["age"].string_value == left
    assert result.actions["metadata.age"] == "age in bands of 10 years"


def test_smallest_sample_is_accepted() -> None:
    result = anonymised(raw_sample({}, organism="E. coli"))
    assert result.sample.organism == "E. coli"
    assert (result.classes, result.dropped_fields, result.sample.subject) == ({}, [], "")


def test_unknown_field_is_dropped_and_named_as_written() -> None:
    result = anonymised(raw_sample({"Favourite Colour": "blue", "возраст": 7}))
    assert result.dropped_fields == ["Favourite Colour", "возраст"]
    assert not result.sample.metadata


@pytest.mark.parametrize(
    ("metadata", "left"),
    [
        ({"age": 34}, {"age": "30-39"}),
        ({"age": "18", "age_unit": "months"}, {"age": "0-9"}),
        ({"age": "18", "age_unit": "Year"}, {"age": "10-19"}),
        ({"height": 1.75, "height_unit": "m"}, {"height": "170-179"}),
        ({"bmi": "obese"}, {"bmi": "obese"}),
        ({"bmi": "<14"}, {"bmi": "<15"}),
        ({"bmi": ">40"}, {"bmi": "40+"}),
        ({"host_body_mass_index": 23.4}, {"bmi": "20-24"}),
        ({"geo_loc_name": "USA:Colorado:Boulder"}, {"geo_loc_name": "United States"}),
        ({"country": "Atlantis"}, {}),
        ({"latitude": 40.01, "longitude": "-105.27"}, {"latitude": 40.0, "longitude": -105.0}),
        ({"sex": "F"}, {"sex": "Female"}),
        ({"sex": "Quartzfeather"}, {}),
        ({"city": "Boulder", "elevation": 1600}, {}),
        ({"postcode": "1234AB"}, {"postcode": "12"}),
        ({"zip": 80302}, {"postcode": "80"}),
        ({"postcode": "sw1a 1aa"}, {"postcode": "SW"}),
        ({"postcode": "123"}, {}),
        ({"postcode": "Quartzgasse"}, {}),
        ({"ethnicity": "White"}, {"ethnicity": "Caucasian"}),
        ({"ethnicity": "tribal"}, {"ethnicity": "other"}),
        ({"ethnicity": "Quartzfeather"}, {}),
        ({"marital_status": "living together"}, {"marital_status": "married"}),
        ({"host blood pressure diastolic": 81.26}, {"diastolic_blood_pressure": 81.3}),
        ({"number_reads": 12345678}, {"number_reads": 12300000.0}),
        ({"biomarker_value": "184.4547552;59;115"}, {"biomarker_value": "184;59;115"}),
        ({"antibiotics": True}, {"antibiotics": True}),
        ({"disease": "Not applicable"}, {"disease": "not applicable"}),
        ({"age": "Not applicable"}, {"age": "not applicable"}),
        ({"age": "", "sex": None, "disease": "N/A", "bmi": "-", "ph": "NaN"}, {}),
        ({"disease": "missing: not_collected"}, {"disease": "not collected"}),
        ({"age": "Not_Provided"}, {"age": "not provided"}),
        ({"body_site": 5550132847}, {}),
        ({"body_site": "x" * 300}, {}),
        ({"disease": "Zebulon Quartzfeather"}, {}),
        ({"pmid": "22699609", "study_name": "HMP_2012"}, {"pmid": "22699609", "study_name": "HMP_2012"}),
        ({"pmid": "19800203"}, {}),
        ({"host_species": "Homo sapiens"}, {"host_species": "Homo sapiens"}),
        ({"disease_ontology_term_id": "NCIT:C115935;MONDO:0005148"},
         {"disease_ontology_term_id": "NCIT:C115935;MONDO:0005148"}),
        ({"smoker_ontology_term_id": "SNOMED:8392000;SNOMED:266919005"},
         {"smoker_ontology_term_id": "SNOMED:8392000;SNOMED:266919005"}),
        ({"smoker_ontology_term_id": "SNOMED:266919004"}, {}),
        ({"smoker_ontology_term_id": "SNOMED:612345678"}, {}),
        ({"smoker_ontology_term_id": "HP:266919005"}, {}),
        ({"country_ontology_term_id": "GAZ:00002459"}, {}),
    ],
)  # fmt: skip
def test_each_rule_stores_its_form(metadata: dict[str, object], left: dict[str, object]) -> None:
    assert kept(metadata) == left


def test_field_with_a_revealing_value_is_dropped_and_named() -> None:
    assert anonymised(raw_sample({"Body Site": "Quartzfeather"})).dropped_fields == ["Body Site"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"age": "abc"}, "must be a number of years"),
        ({"age": 131}, "must be between 0 and 130 years"),
        ({"host_age": -1}, "must be between 0 and 130 years"),
        ({"age": True}, "must be a number of years"),
        ({"bmi": 900}, "must be between 4 and 200 kg/m2"),
        ({"latitude": 91}, "must be between -90 and 90 degrees"),
        ({"collection_date": "soon"}, "must be a date: 2008-10-28, 2008-10 or 2008"),
        ({"age": {"years": 3}}, "must be text, a number, true, false or null"),
        ({"notes": "x" * 4001}, "must be at most 4000 characters long"),
        ({"body_site": "Quartzfeather"}, "must be a short phrase of words that the vocabulary knows"),
        ({"name": ["Zebulon"]}, POLICY.fields["last_name"].why),
        ({"quality of sleep": ["good"]}, "must be text, a number, true, false or null"),
        ({"quality of sleep": "quartz"}, "The policy does not know this field. Unknown fields are not stored."),
        ({"Quartzfeather": "good"}, "The policy does not know this field. Unknown fields are not stored."),
        (
            {"disease": "quartz", "tutor": "Abel Quartz"},
            "contains an identifier that the sample gives elsewhere; leave it out",
        ),
    ],
)
def test_bad_value_is_dropped_with_its_reason(metadata: dict[str, object], reason: str) -> None:
    result = anonymised(raw_sample({**metadata, "body_habitat": "feces"}))
    assert result.drop_reasons[next(iter(metadata))] == reason
    assert set(result.drop_reasons) == set(metadata)
    assert set(result.sample.metadata) == {"body_habitat"}


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({f"passport {n}": f"{n}ab{n}cdef;{n}gh{n}ijkl" for n in range(400)}, "sample.metadata"),
        ({"subject": ["donor 7"]}, "sample.metadata.subject_id"),
        ({"": 1}, "sample.metadata"),
        ({"k" * 129: 1}, "sample.metadata"),
    ],
)
def test_sample_with_unusable_metadata_is_refused_with_the_field(metadata: dict[str, object], field: str) -> None:
    assert set(violations(raw_sample(metadata))) == {field}


@pytest.mark.parametrize(
    "value", [["Zebulon", "Quartzfeather"], {"first": "Zebulon", "other": [{"last": "Quartzfeather"}]}]
)
@pytest.mark.parametrize("field", ["name", "tutor"])
def test_unreadable_value_is_still_erased_from_text(field: str, value: object) -> None:
    assert kept({field: value, "notes": "seen by zebulon"}) == {"notes": "seen by [redacted]"}


@pytest.mark.parametrize(
    ("metadata", "stored", "lost"),
    [
        ({"age": 31, "host_age": "34 years"}, {"age": "30-39"}, []),
        ({"host_age": 31, "patient_age": 47}, {"age": "30-39"}, ["patient_age"]),
        ({"host_age": 31, "age": 47}, {"age": "40-49"}, ["host_age"]),
        ({"age": "not provided", "host_age": 31}, {"age": "30-39"}, []),
        ({"age": "soon", "host_age": 31}, {"age": "30-39"}, ["age"]),
        ({"body_site": "feces", "Body Site": "feces"}, {"body_site": "feces"}, []),
        ({"body_site": "feces", "bodysite": "left palm"}, {"body_site": "feces"}, ["bodysite"]),
        ({"disease": "no", "diseases": "asthma"}, {"disease": "asthma"}, ["disease"]),
        ({"sex": "F", "Sex": "female", "SEX": "f"}, {"sex": "Female"}, []),
        ({"body_site": "", "organ": "lung"}, {"body_site": "lung"}, []),
    ],
)
def test_names_of_one_field_are_merged(metadata: dict[str, object], stored: dict[str, str], lost: list[str]) -> None:
    result = anonymised(raw_sample(metadata))
    assert {name: value.string_value for name, value in result.sample.metadata.items()} == stored
    assert result.dropped_fields == lost
    outcomes = {
        field.name.removeprefix("metadata."): field.outcome
        for field in preview(raw_sample(metadata), ANONYMISER).fields
    }
    assert sorted(name for name in metadata if outcomes[name] == FieldPreview.OUTCOME_DROPPED) == lost


@pytest.mark.parametrize("number", [float("inf"), float("-inf")])
def test_numbers_must_be_finite(number: float) -> None:
    raw = raw_sample({"body_site": "feces"})
    raw.metadata["age"].CopyFrom(Value(number_value=number))
    assert anonymised(raw).drop_reasons == {"age": "must be a finite number"}


def test_number_that_is_not_a_number_is_blank() -> None:
    raw = raw_sample({"body_site": "feces"})
    raw.metadata["age"].CopyFrom(Value(number_value=float("nan")))
    assert (dict(anonymised(raw).drop_reasons), [*anonymised(raw).sample.metadata]) == ({}, ["body_site"])


def test_all_violations_are_reported_together() -> None:
    raw = raw_sample({"age": "x", "": "y"}, organism=" ", study="no", collection_date="never")
    raw.taxon_id = -1
    raw.subject = "x" * 300
    assert set(violations(raw)) == {
        "sample.study",
        "sample.subject",
        "sample.organism",
        "sample.taxonId",
        "sample.metadata",
    }


def test_error_and_drop_reason_do_not_quote_values() -> None:
    with pytest.raises(InvalidSample) as refused:
        anonymised(raw_sample(organism="Zebulon Quartzfeather"))
    assert "Quartzfeather" not in str(refused.value)
    assert "Quartzfeather" not in str(anonymised(raw_sample({"age": "Quartzfeather"})).drop_reasons)


def test_name_in_an_unknown_field_is_erased_from_text() -> None:
    assert kept({"tutor": "Zebulon Quartzfeather", "notes": "with zebulon"}) == {"notes": "with [redacted]"}


def test_exact_collection_date_is_erased_from_text() -> None:
    assert kept({"notes": "tube 281008"}, collection_date="2008-10-28") == {"notes": "tube [redacted]"}


def test_collection_year_that_is_the_donors_code_is_dropped() -> None:
    result = anonymised(raw_sample(subject="2008", collection_date="2008-10-28"))
    assert (result.sample.collection_date, result.dropped_fields) == ("", ["collectionDate"])
    assert "collectionDate" not in result.classes


def test_donor_is_pseudonymised_wherever_it_was_given() -> None:
    pseudonym = KEYSTORE.pseudonym(STUDY, "donor 7")
    for raw in (
        raw_sample(subject="donor 7"),
        raw_sample({"Subject": "donor 7"}),
        raw_sample({"Subject": "donor 7", "host_subject_id": "donor 7 "}, subject="donor 7"),
    ):
        result = anonymised(raw)
        assert result.sample.subject == pseudonym
        assert not result.sample.metadata


def test_two_donors_in_one_sample_are_refused() -> None:
    assert set(violations(raw_sample({"Subject": "donor 8"}, subject="donor 7"))) == {"sample.subject"}


def test_sample_without_a_donor_needs_no_pseudonym() -> None:
    def none(subject: str) -> str:
        raise AssertionError(subject)

    assert ANONYMISER.anonymise(raw_sample(), none).sample.subject == ""


@pytest.mark.parametrize("taxon_id", [19800203, 800203])
def test_taxonomy_id_that_is_the_birth_date_is_dropped(taxon_id: int) -> None:
    result = anonymised(raw_sample({"birth_date": "1980-02-03"}, taxon_id=taxon_id))
    assert (result.sample.taxon_id, result.dropped_fields) == (0, ["birth_date", "taxonId"])


@pytest.mark.parametrize(("value", "name"), [(True, "Yes"), (False, "No")])
def test_boolean_is_compared_with_identifiers_as_yes_or_no(value: bool, name: str) -> None:
    assert kept({"treatment": value, "last_name": name}) == {}
    assert kept({"treatment": value, "last_name": "Quartzfeather"}) == {"treatment": value}


def test_same_sample_gives_the_same_answer() -> None:
    raw = raw_sample(PALM)
    first, second = anonymised(raw), anonymised(raw)
    assert first.sample == second.sample
    assert first.dropped_fields == second.dropped_fields
