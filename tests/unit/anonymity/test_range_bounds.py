"""The bounds of a range do not reveal a person's number. If they might, the report warns."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.hierarchies.domains import domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.hierarchies.range_bounds import grid_of
from fairdatabase.anonymity.model.table import column_of, table_of
from fairdatabase.anonymity.reports.report import report
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import anonymise


def test_every_bound_of_a_range_is_the_bound_of_a_band() -> None:
    dice = np.random.default_rng(11)
    # Some numbers are common and some are rare. Each person has two rows.
    ages = [str(max(1, round(age))) for age in dice.normal(45, 15, 2000)]
    weights = [str(round(weight)) for weight in dice.normal(75, 12, 2000)]
    who = [str(i // 2) for i in range(2000)]
    roles = Roles(("age", "weight"), (), "who")
    done = anonymise(table_of({"age": ages, "weight": weights, "who": who}), roles, Limits(4))
    assert (done.recoding.kind, done.recoding.exact_bounds) == ("local", ())
    for title in roles.quasi:
        ranges = {text for text in done.table[title].texts() if "-" in text[1:]}
        assert len(ranges) > 10
        # The ages and the weights each span fewer than 200 units, so bands have a width of 2.
        assert {int(text.split("-")[0]) % 2 for text in ranges} == {0}
        assert {int(text.split("-")[1]) % 2 for text in ranges} == {1}


@settings(max_examples=200)
@given(
    st.lists(st.integers(-30, 60).map(str) | st.sampled_from(["", "7.0", "7.5", "40", "41"]), min_size=1, max_size=40),
    st.data(),
)
def test_range_contains_its_numbers_and_loses_at_least_as_much_as_its_parts(
    texts: list[str], data: st.DataObject
) -> None:
    column = column_of(texts)
    hierarchy = infer_hierarchy(column.values)
    if hierarchy.kind != "numbers":
        return
    domain = domain_of(column, hierarchy, grid_of(column.values, 25))
    first, low, high, last = sorted(data.draw(st.integers(domain.apart, domain.size - 1)) for _ in range(4))
    inner, outer = (domain.loss(np.array([a]), np.array([b]))[0] for a, b in ((low, high), (first, last)))
    assert 0 <= inner <= outer <= 1
    label = domain.label([low, high] if low < high else [low])
    if float(domain.order[low]) < float(domain.order[high]):
        begin, end = map(float, re.split(" to |(?<=\\d)-", label))
        assert begin <= float(domain.order[low])
        assert float(domain.order[high]) <= end
    else:
        assert float(label or "nan") == float(domain.order[low] or "nan") or label == domain.order[low]


def test_equal_numbers_are_written_alike() -> None:
    # No single spelling decides how bounds are written, or whether they have decimals.
    for odd in ("+38", "3.8e1", "38.0", " 38"):
        column = column_of(["31", "33", odd, "38", "70"])
        domain = domain_of(column, infer_hierarchy(column.values), grid_of(column.values, 25))
        ranks = sorted(domain.ranks[[2, 3]].tolist())
        assert domain.label(ranks) == "38"
        assert domain.label([0, 1]) == "30-33"
        assert domain.label([1, ranks[1]]) == "32-39"
        assert domain_of(column, infer_hierarchy(column.values)).label([0, ranks[1]]) == "31-38"


def test_numbers_that_floats_cannot_distinguish_stay_distinct() -> None:
    large = ["90071992547409920"] * 3 + ["90071992547409921"] * 2
    done = anonymise(table_of({"n": [*large, *["10000000000000000"] * 5]}), Roles(("n",)), Limits(5), method="local")
    texts = set(done.table["n"].texts())
    assert texts == {"10000000000000000", "90071992547409920-90071992547409921"}
    assert done.recoding.exact_bounds == ("n",)


def test_exact_bounds_are_reported_when_rounding_would_lose_more_than_a_plain_mondrian() -> None:
    ages = ["22", "36", "39", "42", "45", "46", "50", "51", "52"]
    roles, limits = Roles(("age",)), Limits(2, max_suppression=0)
    done = anonymise(table_of({"age": ages}), roles, limits)
    assert set(done.table["age"].texts()) == {"22-36", "39-42", "45-46", "50-52"}
    content = report(done, roles, limits)
    assert content["columns"][0]["exact_ends"]
    assert content["warnings"] == [
        "Ranges in 'age' end at real values, possibly of a single person. Bands (--recoding full) avoid that."
    ]
