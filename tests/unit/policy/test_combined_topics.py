"""A value that tells persons apart and says something sensitive is restricted."""

import pytest

from fairdb.privacy.v1.field_class_pb2 import (
    FIELD_CLASS_PUBLIC,
    FIELD_CLASS_QUASI_IDENTIFIER,
    FIELD_CLASS_RESTRICTED,
    FIELD_CLASS_SENSITIVE,
    FieldClass,
)
from tests.unit.policy.test_topics import class_of


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("isolation_source", "stool of a diabetic woman"),
        ("isolation_source", "elderly with colitis"),
        ("sample_type", "skin of a boy with psoriasis"),
        ("body_site", "skin of a student with asthma"),
        ("isolation_source", "household of obese people"),
        ("isolation_source", "41F colitis"),
        ("isolation_source", "colitis for nine years, female"),
        ("isolation_source", "rural smoker"),
        ("urbanization", "rural, smoker"),
        ("isolation_source", "woman [MONDO:0005148]"),
        ("isolation_source", "colitis [UBERON:0000996]"),
        ("study_condition", "93 year old man with colitis"),
        ("study_condition", "girl with asthma"),
        ("disease", "colitis in a teacher"),
        ("study_condition", "elderly"),
        ("group", "F41"),
        ("group", "M 62"),
        ("group", "female patients"),
        ("group", "patients 71 years"),
    ],
)
def test_value_of_both_kinds_is_restricted(field: str, value: str) -> None:
    for _ in range(2):
        assert class_of(field, value) == FIELD_CLASS_RESTRICTED


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("isolation_source", "stool", FIELD_CLASS_PUBLIC),
        ("isolation_source", "stool of a woman", FIELD_CLASS_QUASI_IDENTIFIER),
        ("isolation_source", "stool, colitis", FIELD_CLASS_SENSITIVE),
        ("disease", "prostate cancer", FIELD_CLASS_SENSITIVE),
        ("disease", "type 2 diabetes", FIELD_CLASS_SENSITIVE),
        ("study_condition", "healthy", FIELD_CLASS_SENSITIVE),
        ("group", "control", FIELD_CLASS_SENSITIVE),
        ("isolation_source", "breast-fed", FIELD_CLASS_SENSITIVE),
        ("group", "A", FIELD_CLASS_SENSITIVE),
    ],
)
def test_value_of_one_kind_keeps_its_class(field: str, value: str, expected: FieldClass.ValueType) -> None:
    assert class_of(field, value) == expected
