"""The part of a stored sample that its reader receives."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from fairdatabase.policy.access.visibility import Reader, view_of
from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    FIELD_CLASS_UNSPECIFIED,
    FieldClass,
)
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples.errors import SampleNotFound
from gateway.samples.visibility import check_overseen, render

EVERYTHING = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE, FIELD_CLASS_RESTRICTED)
OWNER = Reader.of("owner", Grants(everywhere=[FIELD_CLASS_PUBLIC], own=EVERYTHING))
OTHER = Reader.of("other", Grants(everywhere=[FIELD_CLASS_PUBLIC], own=EVERYTHING))
STEWARD = Reader.of("other", Grants(everywhere=EVERYTHING, own=EVERYTHING, oversees=True))


@pytest.fixture
def stored() -> StoredSample:
    sample = Sample(
        id="s1",
        study="st1",
        owner="owner",
        organism="E. coli",
        subject="p-abc",
        collection_date="2019",
        state=Sample.STATE_PROCESSED,
    )
    sample.metadata["body_site"].string_value = "feces"
    sample.metadata["age"].string_value = "30-39"
    sample.metadata["disease"].string_value = "Healthy"
    classes = {
        "subject": FIELD_CLASS_QUASI_IDENTIFIER,
        "collectionDate": FIELD_CLASS_QUASI_IDENTIFIER,
        "metadata.age": FIELD_CLASS_QUASI_IDENTIFIER,
        "metadata.disease": FIELD_CLASS_SENSITIVE,
    }
    return StoredSample(sample=sample, classes=classes)


def test_owner_sees_all(stored: StoredSample) -> None:
    assert render(stored, OWNER) == stored.sample


def test_others_see_public_fields_and_the_classes_of_withheld_ones(stored: StoredSample) -> None:
    sample = render(stored, OTHER)
    assert set(sample.metadata) == {"body_site"}
    assert (sample.subject, sample.collection_date, sample.organism) == ("", "", "E. coli")
    assert sample.withheld_fields == ["quasi-identifying", "sensitive", "restricted"]


@pytest.mark.parametrize(
    ("name", "field_class"),
    [
        ("pregnancy_week", FIELD_CLASS_SENSITIVE),
        ("isolation_source", FIELD_CLASS_SENSITIVE),
        ("notes", FIELD_CLASS_RESTRICTED),
        ("menopause_status", FIELD_CLASS_QUASI_IDENTIFIER),
        ("unchecked", FIELD_CLASS_UNSPECIFIED),
    ],
)
def test_withheld_field_leaves_no_trace(stored: StoredSample, name: str, field_class: FieldClass.ValueType) -> None:
    before = render(stored, OTHER)
    stored.sample.metadata[name].string_value = "x"
    stored.classes[f"metadata.{name}"] = field_class
    assert render(stored, OTHER) == before
    assert name in render(stored, STEWARD).metadata or field_class == FIELD_CLASS_UNSPECIFIED


def test_missing_subject_or_organism_changes_nothing_that_is_named(stored: StoredSample) -> None:
    names = render(stored, OTHER).withheld_fields
    stored.classes["organism"] = FIELD_CLASS_SENSITIVE
    stored.sample.ClearField("subject")
    assert render(stored, OTHER).withheld_fields == names


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (OWNER, Timestamp(seconds=1_772_716_455, nanos=123_456_000)),
        (STEWARD, Timestamp(seconds=1_772_716_455, nanos=123_456_000)),
        (OTHER, Timestamp(seconds=1_772_668_800)),
    ],
    ids=["owner", "steward", "other"],
)
def test_times_are_exact_only_for_those_who_oversee_the_sample(
    stored: StoredSample, reader: Reader, expected: Timestamp
) -> None:
    stored.sample.create_time.CopyFrom(Timestamp(seconds=1_772_716_455, nanos=123_456_000))
    stored.sample.update_time.CopyFrom(stored.sample.create_time)
    sample = render(stored, reader)
    assert sample.create_time == sample.update_time == expected


def test_steward_sees_all(stored: StoredSample) -> None:
    assert render(stored, STEWARD) == stored.sample


def test_field_of_unspecified_class_is_withheld_from_everyone(stored: StoredSample) -> None:
    stored.classes["metadata.body_site"] = FIELD_CLASS_UNSPECIFIED
    for reader in (OWNER, STEWARD):
        assert render(stored, reader).withheld_fields == ["metadata.body_site"]


def test_rendering_does_not_change_the_stored_sample(stored: StoredSample) -> None:
    before = StoredSample.FromString(stored.SerializeToString())
    render(stored, OTHER)
    assert stored == before


@pytest.mark.parametrize("reader", [OWNER, STEWARD])
def test_quarantined_sample_shows_its_state_and_no_data(stored: StoredSample, reader: Reader) -> None:
    stored.sample.state = Sample.STATE_QUARANTINED
    sample = render(stored, reader)
    assert sample.state == Sample.STATE_QUARANTINED
    assert (sample.organism, sample.subject, sample.collection_date, dict(sample.metadata)) == ("", "", "", {})
    assert "metadata.body_site" in sample.withheld_fields
    assert "organism" in sample.withheld_fields


def test_quarantined_sample_does_not_exist_for_others(stored: StoredSample) -> None:
    stored.sample.state = Sample.STATE_QUARANTINED
    with pytest.raises(SampleNotFound):
        render(stored, OTHER)


def test_only_owner_and_overseer_see_the_trail(stored: StoredSample) -> None:
    check_overseen(stored, OWNER)
    check_overseen(stored, STEWARD)
    with pytest.raises(SampleNotFound):
        check_overseen(stored, OTHER)


def test_only_a_field_missing_from_the_classes_is_public_by_default() -> None:
    grants = Grants(everywhere=[*EVERYTHING, FIELD_CLASS_UNSPECIFIED], own=EVERYTHING, oversees=True)
    view = view_of(Reader.of("owner", grants), owner="owner", study="")
    assert view.withheld(["unnamed", "unspecified"], {"unspecified": FIELD_CLASS_UNSPECIFIED}) == ["unspecified"]
