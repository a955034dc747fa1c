"""The values of a declared use that somebody could try out."""

import pytest
from google.protobuf.descriptor import FieldDescriptor

from fairdatabase.policy.access.tried_values import values_of, without_values
from fairdb.samples.v1.data_use_pb2 import USE_PURPOSE_HEALTH_RESEARCH, IntendedUse

TEXTS = [
    field
    for field in IntendedUse.DESCRIPTOR.fields
    if field.type == FieldDescriptor.TYPE_STRING and field.name != "account"
]
GENERAL = IntendedUse(purposes=[USE_PURPOSE_HEALTH_RESEARCH], commercial=True, account="me")


@pytest.mark.parametrize("name", [field.name for field in TEXTS])
def test_every_text_of_a_use_is_a_value(name: str) -> None:
    use = IntendedUse()
    use.CopyFrom(GENERAL)
    value = getattr(use, name)
    if isinstance(value, str):
        setattr(use, name, "x")
    else:
        value.append("x")
    assert values_of(use)
    assert without_values(use) == GENERAL


def test_use_without_values_is_no_attempt() -> None:
    assert values_of(GENERAL) == ()
    assert without_values(GENERAL) == GENERAL


def test_order_and_repetition_do_not_make_another_attempt() -> None:
    one, two = IntendedUse(diseases=["a", "b"], country="NL"), IntendedUse(diseases=["b", "a", "b"], country="NL")
    assert values_of(one) == values_of(two) != values_of(IntendedUse(diseases=["a", "b"]))
    assert values_of(IntendedUse(diseases=["a"])) != values_of(IntendedUse(research_types=["a"]))
