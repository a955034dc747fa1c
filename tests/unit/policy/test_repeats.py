"""Repeats: what is stored of several names of one field does not depend on their order."""

from itertools import permutations

import pytest

from fairdatabase.policy.records.memo import Memo
from fairdatabase.policy.records.repeats import merge_repeats
from fairdatabase.policy.records.sorting import sort_values
from fairdatabase.policy.records.values import Given
from tests.unit.policy.samples import POLICY, anonymised, raw_sample

MEMO = Memo(POLICY)


def given(values: dict[str, str]) -> list[Given]:
    return [(name, POLICY.listed(name), value) for name, value in values.items()]


@pytest.mark.parametrize(("values", "unit"), [
    ({"age_unit": "months", "age units": "years"}, "months"),
    ({"Age_Unit": "weeks", "age uom": "years", "unit of age": "days"}, "weeks"),
    ({"age units": "months", "age uom": "years"}, "months"),
    ({"unit of age": "days", "age uom": "years"}, "years"),
    ({"age_unit": "not provided", "unit of age": "days"}, "days"),
    ({"age units": "n/a", "unit of age": "days", "age uom": "missing"}, "days"),
])  # fmt: skip
def test_unit_under_the_policys_own_name_counts_in_any_order(values: dict[str, str], unit: str) -> None:
    for order in permutations(given(values)):
        assert sort_values(list(order), MEMO).units == {"age_unit": unit}


@pytest.mark.parametrize(("field", "values", "winner"), [
    ("weight", {"weight_kg": "60-69", "weight (lb)": "70-79"}, "weight (lb)"),
    ("weight", {"Weight": "60-69", "weight (lb)": "70-79"}, "Weight"),
    ("weight", {"b": "60-69", "a": "60-79"}, "b"),
    ("height", {"height (in)": "150-159", "height_cm": "<160", "a": "190+"}, "height (in)"),
    ("age", {"age in months": "0-9 years", "age (years)": "0-19"}, "age in months"),
    ("collection_date", {"sampling date": "2011/2012", "year": "2011"}, "year"),
])  # fmt: skip
def test_own_name_then_narrower_band_then_first_name_wins_in_any_order(
    field: str, values: dict[str, str], winner: str
) -> None:
    items = [(name, POLICY.fields[field], value) for name, value in values.items()]
    for order in permutations(items):
        merged = merge_repeats([], list(order), POLICY.vocabulary.missing)
        assert [name for name, _, _ in merged.values] == [winner]
        assert set(merged.dropped) == set(values) - {winner}


def test_weights_in_two_units_are_stored_in_any_order() -> None:
    for order in permutations({"weight_kg": 68, "weight (lb)": 160, "Weight [g]": 91_000}.items()):
        result = anonymised(raw_sample(dict(order)))
        (stored,) = result.sample.metadata.values()
        assert stored.string_value == "90-99"
        assert set(result.drop_reasons) == {"weight_kg", "weight (lb)"}
