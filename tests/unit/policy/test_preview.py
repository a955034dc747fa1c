"""A preview says what anonymisation does to each field, and shows no pseudonym."""

from typing import Any

import pytest

from fairdatabase.policy.records.preview import PSEUDONYM, preview
from fairdb.samples.v1.sample_service_pb2 import FieldPreview, SamplePreview
from tests.unit.policy.samples import ANONYMISER, KEYSTORE, POLICY, STUDY, raw_sample


def previewed(metadata: dict[str, Any], **fields: Any) -> SamplePreview:
    return preview(raw_sample(metadata, **fields), ANONYMISER)


def of(answer: SamplePreview, name: str) -> FieldPreview:
    return next(field for field in answer.fields if field.name == name)


@pytest.mark.parametrize(
    ("metadata", "outcome", "class_", "stored"),
    [
        ({"Body Site": "feces"}, "KEPT", "PUBLIC", {"metadata.body_site": "feces"}),
        ({"host_age": 34}, "CHANGED", "QUASI_IDENTIFIER", {"metadata.age": "30-39"}),
        ({"sex": "F"}, "CHANGED", "QUASI_IDENTIFIER", {"metadata.sex": "Female"}),
        ({"notes": "with Quartzfeather"}, "CHANGED", "RESTRICTED", {"metadata.notes": "with [redacted]"}),
        ({"disease": "N/A"}, "BLANK", "SENSITIVE", {}),
        ({"name": "Zebulon"}, "DROPPED", "DIRECT", {}),
        ({"favourite colour": "blue"}, "DROPPED", "UNKNOWN", {}),
        ({"body_site": "Quartzfeather"}, "DROPPED", "PUBLIC", {}),
        ({"age": "soon"}, "DROPPED", "QUASI_IDENTIFIER", {}),
        ({"age": ["x"]}, "DROPPED", "QUASI_IDENTIFIER", {}),
        ({"age_unit": "months"}, "DROPPED", "QUASI_IDENTIFIER", {}),
        ({"host_subject_id": "donor 7"}, "CHANGED", "DIRECT", {"subject": PSEUDONYM}),
        ({"host_subject_id": "not provided"}, "BLANK", "DIRECT", {}),
    ],
)
def test_each_field_has_its_outcome(
    metadata: dict[str, Any], outcome: str, class_: str, stored: dict[str, str]
) -> None:
    (field,) = [field for field in previewed(metadata).fields if field.name != "organism"]
    assert field.name == f"metadata.{next(iter(metadata))}"
    assert FieldPreview.Outcome.Name(field.outcome) == f"OUTCOME_{outcome}"
    assert FieldPreview.Class.Name(field.field_class) == f"CLASS_{class_}"
    assert {field.stored_name: field.stored_value.string_value} == (stored or {"": ""})
    assert field.reason
    assert bool(field.action) == bool(stored)


def test_preview_gives_reasons_and_advice() -> None:
    answer = previewed(
        {"body_site": "Quartzfeather", "bmi": "x", "sex": "z", "last_name": "Quartz", "disease": "quartz"}
    )
    assert of(answer, "metadata.body_site").reason == POLICY.fields["body_site"].why
    assert "vocabulary knows" in of(answer, "metadata.body_site").advice
    assert of(answer, "metadata.bmi").advice == "must be a number of kg/m2"
    assert of(answer, "metadata.sex").advice.startswith("must be one of: Female, Male")
    assert "identifier" in of(answer, "metadata.disease").advice
    assert of(answer, "metadata.last_name").advice == ""
    assert answer.policy_version == POLICY.version


def test_violations_are_part_of_the_answer() -> None:
    answer = previewed({"age": "x", "sex": "F"}, organism="Jane Doe", study="no", collection_date="2008-10-28")
    assert [violation.field for violation in answer.violations] == [
        "sample.organism",
        "sample.study",
    ]
    refused = {field.name for field in answer.fields if field.outcome == FieldPreview.OUTCOME_REFUSED}
    assert refused == {"organism", "study"}
    assert "Jane" not in str(answer)
    assert of(answer, "collectionDate").stored_value.string_value == "2008"


def test_missing_field_is_named_as_refused() -> None:
    answer = previewed({}, organism="")
    assert [(field.name, field.outcome) for field in answer.fields] == [("organism", FieldPreview.OUTCOME_REFUSED)]


def test_collection_date_that_is_the_donors_code_is_dropped() -> None:
    answer = previewed({}, subject="2008", collection_date="2008-10-28")
    assert of(answer, "collectionDate").outcome == FieldPreview.OUTCOME_DROPPED


def test_preview_shows_no_pseudonym() -> None:
    answer = str(previewed({"Subject": "donor 7"}, subject="donor 7", study=STUDY))
    assert KEYSTORE.pseudonym(STUDY, "donor 7") not in answer
    assert "donor 7" not in answer
