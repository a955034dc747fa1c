"""What of a stored sample a reader receives."""

import pytest

from fairdb.backend.v1.backend_service_pb2 import StoredSample
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_SENSITIVE,
    FIELD_CLASS_UNSPECIFIED,
)
from fairdb.privacy.v1.privacy_service_pb2 import Grants
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples.errors import SampleNotFound
from gateway.samples.visibility import check_overseen, render

OWNER, OTHER = Principal(user_id="owner"), Principal(user_id="other")
EVERYTHING = (FIELD_CLASS_PUBLIC, FIELD_CLASS_QUASI_IDENTIFIER, FIELD_CLASS_SENSITIVE)
RESEARCHER = Grants(everywhere=[FIELD_CLASS_PUBLIC], own=EVERYTHING)
STEWARD = Grants(everywhere=EVERYTHING, own=EVERYTHING, oversees=True)


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
    assert render(stored, RESEARCHER, OWNER) == stored.sample


def test_others_see_public_fields_and_the_names_of_the_rest(stored: StoredSample) -> None:
    sample = render(stored, RESEARCHER, OTHER)
    assert set(sample.metadata) == {"body_site"}
    assert (sample.subject, sample.collection_date, sample.organism) == ("", "", "E. coli")
    assert sample.withheld_fields == ["collectionDate", "metadata.age", "metadata.disease", "subject"]


def test_steward_sees_all(stored: StoredSample) -> None:
    assert render(stored, STEWARD, OTHER) == stored.sample


def test_a_field_without_a_class_that_anybody_holds_is_withheld(stored: StoredSample) -> None:
    stored.classes["metadata.body_site"] = FIELD_CLASS_UNSPECIFIED
    for grants, reader in ((RESEARCHER, OWNER), (STEWARD, OTHER)):
        assert render(stored, grants, reader).withheld_fields == ["metadata.body_site"]


def test_rendering_changes_nothing_stored(stored: StoredSample) -> None:
    before = StoredSample.FromString(stored.SerializeToString())
    render(stored, RESEARCHER, OTHER)
    assert stored == before


@pytest.mark.parametrize(("grants", "reader"), [(RESEARCHER, OWNER), (STEWARD, OTHER)])
def test_quarantine_shows_that_it_is_and_no_data(stored: StoredSample, grants: Grants, reader: Principal) -> None:
    stored.sample.state = Sample.STATE_QUARANTINED
    sample = render(stored, grants, reader)
    assert sample.state == Sample.STATE_QUARANTINED
    assert (sample.organism, sample.subject, sample.collection_date, dict(sample.metadata)) == ("", "", "", {})
    assert "metadata.body_site" in sample.withheld_fields
    assert "organism" in sample.withheld_fields


def test_quarantined_does_not_exist_for_others(stored: StoredSample) -> None:
    stored.sample.state = Sample.STATE_QUARANTINED
    with pytest.raises(SampleNotFound):
        render(stored, RESEARCHER, OTHER)


def test_the_trail_is_for_owner_and_overseer(stored: StoredSample) -> None:
    check_overseen(stored, RESEARCHER, OWNER)
    check_overseen(stored, STEWARD, OTHER)
    with pytest.raises(SampleNotFound):
        check_overseen(stored, RESEARCHER, OTHER)
