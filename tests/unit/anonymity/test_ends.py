"""No end of a range tells a number that fewer than k people share, and where one may, that is said."""

import re
from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymity.anonymise import anonymise
from anonymity.domains import domain_of
from anonymity.ends import Sharing
from anonymity.found import find_hierarchy
from anonymity.limits import Limits
from anonymity.people import people_of
from anonymity.report import report
from anonymity.risk import Roles
from anonymity.table import column_of, table_of


def test_an_end_is_shared_by_k_people_or_is_that_of_a_band() -> None:
    dice = np.random.default_rng(11)
    # Some numbers are common and some rare. Each person has two rows.
    ages = [str(max(1, round(age))) for age in dice.normal(45, 15, 2000)]
    weights = [str(round(weight)) for weight in dice.normal(75, 12, 2000)]
    who = [str(i // 2) for i in range(2000)]
    roles = Roles(("age", "weight"), (), "who")
    done = anonymise(table_of({"age": ages, "weight": weights, "who": who}), roles, Limits(4))
    assert (done.recoding.how, done.recoding.exact_ends) == ("local", ())
    for title, numbers in (("age", ages), ("weight", weights)):
        people: defaultdict[int, set[str]] = defaultdict(set)
        for number, person in zip(numbers, who, strict=True):
            people[int(number)].add(person)
        ranges = {text for text in done.table[title].texts() if "-" in text[1:]}
        assert len(ranges) > 10
        for text in ranges:
            low, high = map(int, re.split("(?<=\\d)-", text))
            # More than 50 and fewer than 125 years or kilograms: bands of 5.
            assert len(people[low]) >= 4 or low % 5 == 0, text
            assert len(people[high]) >= 4 or high % 5 == 4, text


@settings(max_examples=200)
@given(
    st.lists(st.integers(-30, 60).map(str) | st.sampled_from(["", "7.0", "7.5", "40", "41"]), min_size=1, max_size=40),
    st.integers(1, 4),
    st.data(),
)
def test_a_range_holds_its_numbers_and_loses_no_less_than_one_within_it(
    texts: list[str], k: int, data: st.DataObject
) -> None:
    column = column_of(texts)
    hierarchy = find_hierarchy(column.values)
    if hierarchy.kind != "numbers":
        return
    domain = domain_of(column, hierarchy, Sharing(people_of(None, len(texts)), k))
    first, low, high, last = sorted(data.draw(st.integers(domain.apart, domain.size - 1)) for _ in range(4))
    inner, outer = (domain.loss(np.array([a]), np.array([b]))[0] for a, b in ((low, high), (first, last)))
    assert 0 <= inner <= outer <= 1
    label = domain.label([low, high] if low < high else [low])
    if float(domain.order[low]) < float(domain.order[high]):
        begin, end = map(float, re.split(" to |(?<=\\d)-", label))
        assert begin <= float(domain.order[low])
        assert float(domain.order[high]) <= end
    else:
        assert label == domain.order[low]


def test_a_number_that_k_people_share_ends_a_range_as_it_is() -> None:
    # 31 and 38 are shared by three; 33 goes down to 31, 36 up to 37 as the end of a band of 2.
    column = column_of([*["31"] * 3, "33", "36", *["38"] * 3, "70"])
    domain = domain_of(column, find_hierarchy(column.values), Sharing(people_of(None, 9), 3))
    assert domain.order == ["31", "33", "36", "38", "70"]
    assert domain.label([0, 3]) == "31-38"
    assert domain.label([1, 2]) == "32-37"
    assert domain.label([3, 4]) == "38-71"


def test_where_rounding_would_lose_more_than_a_plain_mondrian_the_exact_ends_are_told() -> None:
    ages = ["22", "36", "39", "42", "45", "46", "50", "51", "52"]
    roles, limits = Roles(("age",)), Limits(2, max_suppression=0)
    done = anonymise(table_of({"age": ages}), roles, limits)
    assert set(done.table["age"].texts()) == {"22-36", "39-42", "45-46", "50-52"}
    content = report(done, roles, limits)
    assert content["columns"][0]["exact_ends"]
    assert content["warnings"] == [
        "Ranges in 'age' end at numbers that somebody has, maybe one person alone. --recoding full has bands."
    ]
