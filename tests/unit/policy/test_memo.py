"""The cache between samples contains only values on the policy's own lists, is bounded, and changes no answer."""

from typing import Any
from uuid import UUID

import pytest

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records import memo as memo_module
from fairdatabase.policy.records.anonymisation import Anonymised, Anonymiser, InvalidSample
from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.records.rules import RuleContext
from fairdatabase.policy.text.scalars import Scalar
from fairdb.privacy.v1.field_class_pb2 import FIELD_CLASS_RESTRICTED
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.unit.policy.samples import POLICY, STUDY, raw_sample

# Each of these values is kept, but might identify somebody, so it must not be remembered.
KEPT = {
    "body_site": "stool day 12",
    "disease": "zebulonitis",
    "pmid": "22699609",
    "disease_ontology_term_id": "NCIT:C115935",
    "geo_loc_name": "USA: Quartzfeather",
    "organism": "E. coli JD1980",
    "study_name": "QuartzfeatherJ_2015",
    "notes": "quartzfeather felt ill",
    "age": "34",
    "treatment": "benjamine",
    "sample_type": "Rice",
    "sample_storage": "-80",
}
CONTEXT = RuleContext(POLICY.vocabulary, Identifiers((), POLICY.vocabulary), {})


class Remembering:
    """A new anonymiser whose memory the test can inspect."""

    def __init__(self) -> None:
        self.anonymiser = Anonymiser(POLICY)
        self.memo: Memo = self.anonymiser._memo

    def anonymise(self, metadata: dict[str, Any] | None = None, **fields: Any) -> Anonymised:
        return self.anonymiser.anonymise(raw_sample(metadata, **fields), lambda subject: f"p-{subject}")

    def violations(self, raw: RawSample) -> set[str]:
        try:
            self.anonymiser.anonymise(raw, lambda subject: "")
        except InvalidSample as invalid:
            return {violation.field for violation in invalid.violations}
        return set()

    def values(self) -> dict[str, list[str]]:
        return {field.name: [*values] for field, values in self.memo.values.items() if values}

    def apply(self, field: str, value: str) -> Scalar | None:
        return self.memo.rules[POLICY.fields[field].action](POLICY.fields[field], value, CONTEXT)


@pytest.fixture
def remembering() -> Remembering:
    return Remembering()


def test_value_outside_every_list_is_not_remembered(remembering: Remembering) -> None:
    result = remembering.anonymise(KEPT, organism="E. coli JD1980", subject="donor 7", study=STUDY)
    # The organism is the sample's own field.
    assert set(result.sample.metadata) == set(KEPT) - {"organism"}
    assert remembering.values() == {}
    assert list(remembering.memo._organisms) == []


def test_value_of_listed_words_is_remembered_and_still_compared_with_the_identifiers(remembering: Remembering) -> None:
    for _ in range(2):
        stored = remembering.anonymise({"body_site": "left palm", "sex": "F", "country": "NL"}).sample.metadata
        assert {name: value.string_value for name, value in stored.items()} == {
            "body_site": "left palm",
            "sex": "Female",
            "country": "Netherlands",
        }
        assert remembering.values() == {"body_site": ["left palm"], "sex": ["F"], "country": ["NL"]}
    result = remembering.anonymise({"body_site": "left palm", "last_name": "Palm"})
    assert (result.dropped_fields, dict(result.sample.metadata)) == (["body_site", "last_name"], {})


def test_only_listed_names_of_organisms_are_remembered(remembering: Remembering) -> None:
    assert not remembering.memo.is_organism("Jane Doe")
    assert remembering.memo.is_organism("Homo sapiens")
    assert list(remembering.memo._organisms) == ["Homo sapiens"]


def test_only_listed_names_of_fields_are_remembered(remembering: Remembering) -> None:
    for name in ("quartzfeather", "zebulon@email", "zebulon_email_address", "age", "a\0ge", "age" + "." * 200):
        remembering.memo.match(name)
    assert set(remembering.memo.names) == {"age"}


def test_remembered_values_are_bounded(remembering: Remembering) -> None:
    for number in range(3000):
        words = " ".join(("left", "right")[number >> bit & 1] for bit in range(12))
        assert remembering.apply("body_site", words) == words
    (values,) = remembering.values().values()
    assert 0 < len(values) <= 1024
    assert all(len(text) <= 64 for text in values)


def test_remembered_shape_contains_no_text_of_a_donor(remembering: Remembering) -> None:
    remembering.anonymise(study=STUDY, subject="Quartzfeather", collection_date="1961-03-17", taxon_id=562)
    remembering.violations(raw_sample(study="Quartzfeather"))
    shape = (STUDY, len("Quartzfeather"), len("E. coli"), 0, len("1961-03-17"))
    assert list(remembering.memo._good_shapes) == [shape]


def test_remembered_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo_module, "_MOST_SHAPES", 7)
    remembering = Remembering()
    for number in range(50):
        assert remembering.violations(raw_sample(study=str(UUID(int=number)))) == set()
        assert 0 < len(remembering.memo._good_shapes) <= 7


def test_known_name_that_violates_a_rule_is_refused_each_time(remembering: Remembering) -> None:
    for key, field in (("age" + "." * 200, "sample.metadata.age"), ("a\0ge", "sample.metadata")):
        for _ in range(2):
            assert remembering.violations(raw_sample({key: "34"})) == {field}


@pytest.mark.parametrize("key", ["body\0_site", "body_site" + "." * 200])
def test_bad_name_is_refused_although_its_value_is_remembered(remembering: Remembering, key: str) -> None:
    assert not remembering.violations(raw_sample({"body_site": "left palm"}))
    assert remembering.violations(raw_sample({key: "left palm"}))


def test_nul_in_a_known_field_is_refused_each_time(remembering: Remembering) -> None:
    for _ in range(2):
        assert remembering.violations(raw_sample({"body_site": "left palm\0"})) == {"sample.metadata"}


def test_more_fields_than_the_proto_permits_are_refused(remembering: Remembering) -> None:
    raw = RawSample(organism="E. coli")
    for number in range(16385):
        raw.metadata[f"q{number}"].string_value = ""
    assert "sample.metadata" in remembering.violations(raw)


@pytest.mark.parametrize("text", ["feces [ICD10:1]", "feces [ENVO:01000249]", "feces [QX:1]", "feces"])
def test_answer_does_not_depend_on_what_was_sent_before(remembering: Remembering, text: str) -> None:
    first = Remembering().apply("body_site", text)
    remembering.apply("body_site", "feces")
    for _ in range(2):
        assert remembering.apply("body_site", text) == first


@pytest.mark.parametrize("disease", ["bacteroides", "abiotrophia infection", "zebulonitis quartz"])
def test_restricted_value_is_restricted_each_time(remembering: Remembering, disease: str) -> None:
    """A listed name of an organism in a sensitive value still makes the value restricted."""
    for _ in range(3):
        assert remembering.anonymise({"disease": disease}).classes == {"metadata.disease": FIELD_CLASS_RESTRICTED}


@pytest.mark.parametrize("unit", ["Year", "Years", "years.", "YEARS", "yrs"])
def test_unit_is_read_in_any_spelling(remembering: Remembering, unit: str) -> None:
    metadata = remembering.anonymise({"age": "34", "age_unit": unit}).sample.metadata
    assert {name: value.string_value for name, value in metadata.items()} == {"age": "30-39"}
    bad = {"age": "34", "age_unit": "Quartzfeather"}
    assert remembering.anonymise(bad).drop_reasons["age"] == "must be given in years"
