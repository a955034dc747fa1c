"""Published intervals end on a grid of round numbers. Nobody's own number is an end, or a member of a set."""

import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.hierarchies.domains import domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.hierarchies.kinds import is_exact
from fairdatabase.anonymity.model.hierarchy import Hierarchy
from fairdatabase.anonymity.model.number_line import NumberLine
from fairdatabase.anonymity.model.table import column_of, table_of
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Method, anonymise


def line_of(hierarchy: Hierarchy) -> NumberLine:
    assert hierarchy.line is not None
    return hierarchy.line


def ends_in(texts: list[str]) -> set[Decimal]:
    """Return the ends of the intervals among published values, and the members of sets."""
    ranges = {text for text in texts if re.search(r"\d(?:-| to | or )-?\d|\d\+|<-?\d", text)}
    return {Decimal(number) for text in ranges for number in re.findall(r"\d+(?:\.\d+)?", text)}


@pytest.mark.parametrize(
    ("numbers", "step"),
    [
        (range(18, 96), "5"),
        (range(2009, 2017), "5"),
        ([160.5, 172.25, 181, 169.75, 175.5, 168, 190.5, 177.25, 182], "1"),
        ([21.306603, 36.30660250219, 28.1, 24.77777777, 31.93820224719], "0.5"),
        ([4_120_345, 11_873_204, 23_115_900, 8_004_411, 1_950_223, 54_120_001], "1000000"),
        ([-12.5, -3.25, 0.5, 7.75, 14.25], "1"),
    ],
)
def test_step_is_round_and_follows_the_scale_of_the_column(numbers: list[float], step: str) -> None:
    assert line_of(infer_hierarchy([str(number) for number in numbers])).step == Decimal(step)


@pytest.mark.parametrize("odd", ["250", "3", "44.123456789", "90+", "NA", "see notes", "18 months"])
def test_no_single_record_changes_the_step(odd: str) -> None:
    ages = [str(age) for age in range(20, 80)]
    assert line_of(infer_hierarchy([*ages, odd])).step == line_of(infer_hierarchy(ages)).step


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.decimals(0, 400, places=9).map(str),
            st.integers(-40, 4000).map(str),
            st.floats(15, 60).map(repr),
            st.sampled_from(
                ["90+", ">89", "<18", "18 months", "34,5", "40-49", "unknown", "not collected", "34 y", "n/a", "?", "",
                 "missing: human-identifiable", "approx. 40", "2016-05-31", "52.07 N 4.3 E", "P-17", "adult"]
            ),
        ),
        min_size=5,
        max_size=60,
    ),
    st.sampled_from(["least", "full", "local"]),
    st.sampled_from([0.0, 0.1]),
)  # fmt: skip
def test_no_own_number_is_an_end_unless_the_grid_has_it(texts: list[str], method: Method, most: float) -> None:
    table = table_of({"value": texts, "sex": ["F", "M"] * (len(texts) // 2) + ["F"] * (len(texts) % 2)})
    done = anonymise(table, Roles(("value", "sex")), Limits(5, max_suppression=most), method=method)
    published = done.table["value"].texts()
    hierarchy = done.hierarchies["value"]
    if hierarchy.line is not None:
        # Only values that the whole class shares are published as they are.
        shared = {text for text in published if published.count(text) >= 5 and text in texts}
        ends = ends_in([text for text in published if text not in shared])
        assert {end % hierarchy.line.step for end in ends} <= {Decimal(0)}
    members = {member for text in published if " or " in text for member in text.split(" or ")}
    assert not any(map(is_exact, members))


@pytest.mark.parametrize(
    "odd",
    ["90+", "≥ 90", ">89", "over 89", "18 months", "34,5", "54 years", "missing: human-identifiable", "unknown",
     "not yet 30", "30-39", "c. 40", "n.d.", "declined"],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 4])
def test_odd_cells_do_not_turn_ages_into_categories(odd: str, count: int) -> None:
    dice = np.random.default_rng(5)
    ages = [*map(str, dice.permutation(np.arange(20, 75)).tolist()), *[odd] * count]
    done = anonymise(table_of({"age": ages}), Roles(("age",)), Limits(5), method="local")
    assert done.hierarchies["age"].kind == "numbers"
    assert not any(" or " in text for text in done.table["age"].values)
    assert len({text for text in done.table["age"].values if "-" in text}) > 3
    assert {end % 5 for end in ends_in(done.table["age"].texts())} == {0}


@pytest.mark.parametrize(
    ("odd", "published"),
    [("90+", "60+"), (">89", "60+"), ("<30", "<65"), ("62 years", "60-65"), ("61,5", "60-65"), ("732 months", "60-65"),
     ("60-64", "60-65"), ("unknown", "*"), ("", "*")],
)  # fmt: skip
def test_values_in_other_notations_are_understood(odd: str, published: str) -> None:
    # Five more people, who share an age on the other side of the class.
    shared = "20" if published == "60+" else "80"
    ages = ["60", "61", "62", "63", odd, *[shared] * 5]
    done = anonymise(table_of({"age": ages}), Roles(("age",)), Limits(5, max_suppression=0))
    assert set(done.table["age"].texts()) == {published, shared}


@pytest.mark.parametrize("odd", ["May 2016", "unknown", "2016", "missing", "31/05/2016", "2016-05-01/2016-06-30", "?"])
def test_odd_cells_do_not_turn_dates_into_categories(odd: str) -> None:
    dates = [f"201{year}-0{month}-1{day}" for year in (4, 6) for month in (3, 5, 7) for day in range(5)]
    done = anonymise(table_of({"when": [*dates, odd]}), Roles(("when",)), Limits(5), method="local")
    assert done.hierarchies["when"].kind == "dates"
    assert not set(dates) & set(done.table["when"].values)
    assert not any(" or " in text for text in done.table["when"].values)


@pytest.mark.parametrize(
    ("title", "place"),
    [
        ("lat_lon", "{}.{} N 4.{} E"),
        ("gps", "{}.{}, 4.{}"),
        ("home", "{}.{} N 4.{} E"),
        ("where", "{}.{},4.{}"),
        ("coordinates", "-{}.{} -4.{}"),
    ],
)
def test_coordinates_are_published_as_cells_of_whole_degrees(title: str, place: str) -> None:
    places = [place.format(50 + i % 3, 100 + 7 * i, 300 + 3 * i) for i in range(30)]
    # Five people share one place: its exact coordinates are not published either.
    done = anonymise(table_of({title: [*places, *[places[0]] * 4, "unknown"]}), Roles((title,)), Limits(5))
    assert done.hierarchies[title].kind == "coordinates"
    assert not any("." in text for text in done.table[title].values)
    assert any(re.fullmatch(r"5\d-5\d [NS] 4-5 [EW]", text) for text in done.table[title].values)


@pytest.mark.parametrize(("north", "east"), [("lat", "lon"), ("latitude", "longitude"), ("decimal latitude", "lng")])
def test_latitude_and_longitude_in_two_columns_are_cells_too(north: str, east: str) -> None:
    dice = np.random.default_rng(2)
    table = {north: dice.uniform(-40, 60, 200).round(5).astype(str).tolist(), east: ["5.48215"] * 199 + ["7.1 W"]}
    done = anonymise(table_of(table), Roles((north, east)), Limits(5))
    assert not any("." in text for title in (north, east) for text in done.table[title].values)
    assert "5-6" in done.table[east].values


@settings(max_examples=200)
@given(
    st.lists(
        st.integers(-30, 60).map(str) | st.sampled_from(["", "7.0", "7.5", "40", "30-39", "60+", "<10"]),
        min_size=1,
        max_size=40,
    ),
    st.data(),
)
def test_interval_contains_its_numbers_and_loses_at_least_as_much_as_its_parts(
    texts: list[str], data: st.DataObject
) -> None:
    column = column_of(texts)
    hierarchy = infer_hierarchy(column.values)
    if hierarchy.kind != "numbers":
        return
    domain, line = domain_of(column, hierarchy), line_of(hierarchy)
    assume(domain.apart < domain.size)
    first, low, high, last = sorted(data.draw(st.integers(domain.apart, domain.size - 1)) for _ in range(4))
    inner, outer = (domain.loss(np.array([a]), np.array([b]))[0] for a, b in ((low, high), (first, last)))
    assert 0 <= inner <= outer <= 1
    label = domain.label([low, high] if low < high else [low])
    again = line_of(infer_hierarchy([label])).numbers[0] if label != "*" else None
    if again is not None:
        for rank in (low, high):
            number = line.numbers[column.values.index(domain.order[rank])]
            assert number is not None
            assert again.low <= number.low <= number.high <= again.high


def test_equal_numbers_are_written_alike() -> None:
    # No single spelling decides how ends are written, or whether they have decimals.
    for odd in ("+38", "3.8e1", "38.0", " 38", "38 years"):
        column = column_of(["31", "33", odd, "38", "70"])
        domain = domain_of(column, infer_hierarchy(column.values, "age"))
        ranks = sorted(domain.ranks[[2, 3]].tolist())
        assert domain.label(ranks) == "38"
        assert domain.label([0, 1]) == "30-35"
        assert domain.label([1, ranks[1]]) == "30-40"


def test_numbers_that_floats_cannot_distinguish_stay_distinct() -> None:
    large = ["90071992547409920"] * 3 + ["90071992547409921"] * 2
    done = anonymise(table_of({"n": [*large, *["10000000000000000"] * 5]}), Roles(("n",)), Limits(5), method="local")
    low, high = "90000000000000000", "95000000000000000"
    assert set(done.table["n"].texts()) == {"10000000000000000", f"{low}-{high}"}
