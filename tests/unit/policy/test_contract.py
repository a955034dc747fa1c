"""The proto's rules hold for every raw sample, although a sample whose shape is known skips the complete check."""

import pytest

from buf.validate import validate_pb2
from fairdb.samples.v1.sample_pb2 import RawSample
from tests.unit.policy.samples import STUDY, raw_sample, violations

NAMED = ("study", "subject", "organism", "taxon_id", "collection_date")


def test_rules_of_named_fields_use_lengths_signs_and_studies_only() -> None:
    rules = {
        name: RawSample.DESCRIPTOR.fields_by_name[name].GetOptions().Extensions[validate_pb2.field] for name in NAMED
    }
    assert not RawSample.DESCRIPTOR.GetOptions().HasExtension(validate_pb2.message)
    assert not any(rule.cel or rule.cel_expression for rule in rules.values())
    for name in ("subject", "organism", "collection_date"):
        assert {field.name for field, _ in rules[name].string.ListFields()} <= {"min_len", "max_len"}
    assert [field.name for field, _ in rules["taxon_id"].int32.ListFields()] == ["gte"]
    assert rules["taxon_id"].int32.gte == 0


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("study", "Quartzfeather", "study"),
        ("study", f"{STUDY}\0", "study"),
        ("subject", "x" * 257, "subject"),
        ("subject", "donor\x007", "subject"),
        ("organism", "E. coli" + "\u200b" * 200, "organism"),
        ("organism", "E. coli\0", "organism"),
        ("taxon_id", -1, "taxonId"),
        ("collection_date", "2008" + "\u200b" * 4000, "collectionDate"),
        ("collection_date", "2008\0", "collectionDate"),
    ],
)
def test_broken_rule_is_reported_each_time(field: str, value: str | int, shown: str) -> None:
    good = {"organism": "E. coli", "subject": "donor 17", "collection_date": "2008", "study": STUDY, "taxon_id": 562}
    for _ in range(2):
        assert f"sample.{shown}" in violations(raw_sample(**{**good, field: value}))
        assert violations(raw_sample(**good)) == {}
