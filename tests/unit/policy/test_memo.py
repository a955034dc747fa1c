"""What is remembered between samples is on the policy's own lists, is bounded, and weakens no rule."""

import pytest

from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.records.generalisation import _factor
from fairdatabase.policy.records.rules import Surroundings, apply_rule
from fairdatabase.policy.tables.reader import load_policy
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.unit.policy.samples import POLICY, anonymised, kept, raw_sample, violations

# Each is kept, and each might be somebody's.
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
}


def test_a_value_that_no_list_holds_is_not_remembered() -> None:
    assert set(kept(KEPT)) == set(KEPT)
    for field, value in KEPT.items():
        assert value not in POLICY.resolve(field).listed  # pyright: ignore[reportOptionalMemberAccess]
    assert "E. coli JD1980" not in POLICY.vocabulary.names


def test_a_value_of_listed_words_is_remembered_and_still_compared_with_the_identifiers() -> None:
    assert kept({"body_site": "left palm", "sex": "F"}) == {"body_site": "left palm", "sex": "Female"}
    assert POLICY.fields["body_site"].listed["left palm"].stored == "left palm"
    assert POLICY.fields["sex"].listed["F"].stored == "Female"
    result = anonymised(raw_sample({"body_site": "left palm", "last_name": "Palm"}))
    assert (result.dropped_fields, dict(result.sample.metadata)) == (["body_site", "last_name"], {})
    assert set(violations(raw_sample({"sex": "F", "Sex": "F"}))) == {"sample.metadata.sex"}


def test_what_is_remembered_is_bounded() -> None:
    policy = load_policy()
    field = policy.fields["body_site"]
    surroundings = Surroundings(policy.vocabulary, Identifiers(policy.vocabulary), {})
    for number in range(3000):
        words = " ".join(("left", "right")[number >> bit & 1] for bit in range(12))
        assert apply_rule(field, words, surroundings) == words
    assert 0 < len(field.listed) <= 1024
    assert all(len(text) <= 64 for text in field.listed)


def test_a_known_name_that_breaks_a_rule_breaks_it_each_time() -> None:
    for key, field in (("age" + "." * 200, "sample.metadata.age"), ("a\0ge", "sample.metadata")):
        for _ in range(2):
            assert set(violations(raw_sample({key: "34"}))) == {field}


@pytest.mark.parametrize("key", ["body\0_site", "body_site" + "." * 200])
def test_such_a_name_is_refused_also_where_its_value_is_remembered(key: str) -> None:
    assert not violations(raw_sample({"body_site": "left palm"}))
    assert violations(raw_sample({key: "left palm"}))


def test_nul_in_a_known_field_is_refused_each_time() -> None:
    for _ in range(2):
        assert set(violations(raw_sample({"body_site": "left palm\0"}))) == {"sample.metadata"}


def test_more_fields_than_the_proto_permits_are_refused() -> None:
    raw = RawSample(organism="E. coli")
    for number in range(501):
        raw.metadata["age" + "." * number].string_value = ""
    assert "sample.metadata" in violations(raw)


def test_only_units_are_remembered_as_such() -> None:
    _factor.cache_clear()
    for number in range(300):
        assert violations(raw_sample({"age": "34", "age_unit": f"Quartzfeather {number}"}))
    assert _factor.cache_info().currsize == 0
    for dots in range(300):
        assert kept({"age": "34", "age_unit": "Years" + "." * dots}) == {"age": "30-39"}
    assert 0 < _factor.cache_info().currsize <= 256


def test_the_answer_does_not_depend_on_what_was_sent_before() -> None:
    for text in ("feces [ICD10:1]", "feces [ENVO:01000249]", "feces [QX:1]"):
        field = load_policy().fields["body_site"]
        surroundings = Surroundings(POLICY.vocabulary, Identifiers(POLICY.vocabulary), {})
        first = apply_rule(field, text, surroundings)
        apply_rule(field, "feces", surroundings)
        assert apply_rule(field, text, surroundings) == first
