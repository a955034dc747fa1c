"""Risk is counted correctly in error-prone cases. The expected figures are computed by hand."""

import math

import pytest

from fairdatabase.anonymity.model.people import notes_on
from fairdatabase.anonymity.model.table import column_of, table_of
from fairdatabase.anonymity.risk.risk import Risk, Roles, measure
from fairdatabase.sheets.errors import BadTable


def risk_of(quasi: str, sensitive: str = "", subject: str | None = None, /, **columns: list[str]) -> Risk:
    return measure(table_of(columns), Roles(tuple(quasi.split()), tuple(sensitive.split()), subject))


def test_missing_value_is_a_class_of_its_own() -> None:
    risk = risk_of("age sex", age=["30", "30", "", "30", "30"], sex=["F"] * 5)
    assert (risk.k, risk.classes, risk.unique_rows, risk.max_reidentification_risk) == (1, 2, 1, 1.0)
    assert risk.rows == risk.subjects == 5


def test_equal_missing_values_form_one_class() -> None:
    assert risk_of("age", age=["", "", "30", "30"]).k == 2


def test_values_that_concatenate_alike_stay_distinct() -> None:
    # Concatenated, all four rows read "abc".
    risk = risk_of("x y", x=["a", "a", "ab", "abc"], y=["bc", "bc", "c", ""])
    assert (risk.classes, risk.k, risk.unique_rows) == (3, 1, 2)
    assert risk_of("x y", x=["a", "ab"], y=["bc", "c"]).classes == 2


@pytest.mark.parametrize("glue", ["|", "_", ",", "\x1f", "', '"])
def test_separators_inside_values_do_not_merge_classes(glue: str) -> None:
    risk = risk_of("x y", x=["a", f"a{glue}b"], y=[f"b{glue}c", "c"])
    assert (risk.classes, risk.k) == (2, 1)


def test_classes_of_one_value_are_not_diverse() -> None:
    risk = risk_of("q", "s", q=["1", "1", "1", "2", "2", "2"], s=["flu", "flu", "flu", "flu", "cold", "none"])
    assert risk.k == 3
    assert risk.distinct_l == {"s": 1}
    assert risk.entropy_l == {"s": 1.0}


def test_spellings_of_one_value_count_once() -> None:
    assert risk_of("q", "s", q=["1"] * 3, s=["HIV", "hiv", " HIV "]).distinct_l == {"s": 1}
    # "05" is a code, so the column is not numeric.
    assert risk_of("q", "s", q=["1"] * 3, s=["5", "5.0", "05"]).distinct_l == {"s": 2}
    assert risk_of("q", "s", q=["1"] * 4, s=["5", "5.0", "+5.00", "high"]).distinct_l == {"s": 2}
    assert risk_of("q", "s", q=["1"] * 2, s=["Crohn\u0301", "crohń "]).distinct_l == {"s": 1}
    assert risk_of("q", "s", q=["1"] * 3, s=["5", "5.0", "5.00"]).distinct_l == {"s": 1}


@pytest.mark.parametrize(
    "ways",
    [("S 1", "S1", "s  1"), ("S1\u200b", "S1", "\ufeffS1", "S\u00ad1"), ("\uff33\uff11", "S1")],
)
def test_spaces_and_encoding_do_not_distinguish_people_or_values(ways: tuple[str, ...]) -> None:
    assert risk_of("q", "", "who", q=["1"] * len(ways), who=list(ways)).k == 1
    assert risk_of("q", "s", q=["1"] * (len(ways) + 1), s=[*ways, "high"]).distinct_l == {"s": 2}
    # A separator between two numbers counts in a name.
    assert risk_of("q", "", "who", q=["1"] * 2, who=["S1-12", "S11-2"]).k == 2
    assert risk_of("q", "s", q=["1"] * 2, s=["not provided", "not\u200b provided "]).distinct_l == {"s": 1}


def test_all_spellings_of_a_missing_sensitive_value_are_one_value() -> None:
    assert risk_of("q", "s", q=["1", "1"], s=["flu", ""]).distinct_l == {"s": 2}
    missing = ["", " ", "NA", "n/a", "Unknown", "not_provided", "missing: not collected", "-", "?"]
    risk = risk_of("q", "s", q=["1"] * 9, s=missing)
    assert (risk.distinct_l, risk.entropy_l, risk.t) == ({"s": 1}, {"s": 1.0}, {"s": 0.0})
    # As "" and "NA" are one value, both classes have the distribution of the table, for categories and for numbers.
    for other in ("flu", "5"):
        assert risk_of("q", "s", q=["1", "1", "2", "2"], s=["", other, "NA", other]).t == {"s": 0.0}


def test_none_and_minus_are_values_where_they_mean_something() -> None:
    assert risk_of("q", "s", q=["1"] * 2, s=["none", "unknown"]).distinct_l == {"s": 2}
    assert risk_of("q", "s", q=["1"] * 3, s=["+", "-", ""]).distinct_l == {"s": 3}
    assert risk_of("q", "s", q=["1"] * 3, s=["positive", "-", ""]).distinct_l == {"s": 2}


def test_entropy_l_is_the_exponential_of_the_entropy() -> None:
    # Half flu, a quarter cold, a quarter none: H = 1/2 ln 2 + 1/2 ln 4 = 1.5 ln 2, so exp(H) = 2 ** 1.5.
    risk = risk_of("q", "s", q=["1"] * 4, s=["flu", "flu", "cold", "none"])
    assert risk.distinct_l == {"s": 3}
    assert risk.entropy_l["s"] == pytest.approx(2**1.5)


def test_single_class_has_distance_zero() -> None:
    risk = risk_of("q", "s n", q=["1"] * 4, s=["a", "a", "b", "c"], n=["1", "2", "3", ""])
    assert risk.t == {"s": 0.0, "n": 0.0}


def test_t_of_categories_is_half_the_sum_of_differences() -> None:
    # The table has the shares a 3/6, b 2/6, c 1/6.
    # Class 1 (a, a, b) has 2/3, 1/3, 0. The differences are 1/6, 0, 1/6, and half of their sum is 1/6.
    # Class 2 (a, b, c) has 1/3 each. The differences are 1/6, 0, 1/6, so the distance is the same.
    risk = risk_of("q", "s", q=["1", "1", "1", "2", "2", "2"], s=["a", "a", "b", "a", "b", "c"])
    assert risk.t["s"] == pytest.approx(1 / 6)


def test_t_of_numbers_is_the_earth_movers_distance_over_ranks() -> None:
    # The example of the paper on t-closeness (Li et al. 2007): m = 9 different incomes, 3 to 11 thousand, 1/9 each.
    # The distance of a class is the sum of its absolute cumulated differences from the table, divided by m - 1 = 8.
    # Class 1 (3, 4, 5): 2/9, 4/9, 6/9, 5/9, 4/9, 3/9, 2/9, 1/9, 0. The sum is 27/9, so the distance is 0.375.
    # Class 2 (6, 8, 11): -1/9, -2/9, -3/9, -1/9, -2/9, 0, -1/9, -2/9, 0. The sum is 12/9, so the distance is 0.167.
    # Class 3 (7, 9, 10): -1/9, -2/9, -3/9, -4/9, -2/9, -3/9, -1/9, 1/9, 0. The sum is 17/9, so the distance is 0.236.
    incomes = ["3000", "4000", "5000", "6000", "8000", "11000", "7000", "9000", "10000"]
    quasi = ["1"] * 3 + ["2"] * 3 + ["3"] * 3
    assert risk_of("q", "income", q=quasi, income=incomes).t["income"] == pytest.approx(0.375)
    # Without class 1, the table has m = 6 incomes, 6 to 11 thousand, 1/6 each.
    # Class 2: 1/6, 0, 1/6, 0, -1/6, 0. The sum is 3/6, divided by 5, so the distance is 0.1. Class 3 has the same
    # differences with the opposite sign.
    assert risk_of("q", "income", q=quasi[3:], income=incomes[3:]).t["income"] == pytest.approx(0.1)


def test_numbers_that_are_codes_have_no_order() -> None:
    # The table has the values 1, 2 and 3, with 1/3 each. The largest distance is that of class 1, which has only 1.
    # As numbers: the cumulated differences are 2/3, 1/3, 0. Their sum is 1, divided by m - 1 = 2: 0.5.
    # As categories: the differences are 2/3, 1/3, 1/3. Half of their sum is 2/3.
    table = table_of({"q": ["1", "2", "2"], "s": ["1", "2", "3"]})
    assert measure(table, Roles(("q",), ("s",))).t["s"] == pytest.approx(0.5)
    codes = Roles(("q",), ("s",), categorical=frozenset(("s",)))
    assert measure(table, codes).t["s"] == pytest.approx(2 / 3)


def test_a_missing_number_is_as_far_from_the_lowest_as_from_the_highest() -> None:
    # The table has 1, 3 and a missing number, with a third each. Any two of them are at distance 1.
    # Each class has one of the three values, so a third must be moved from each of the others, over 1: t is 2/3.
    assert risk_of("q", "n", q=["1", "2", "3"], n=["1", "3", ""]).t["n"] == pytest.approx(2 / 3)


def test_rows_of_one_person_count_once() -> None:
    columns = {"q": ["1"] * 4, "s": ["a", "b", "c", "d"], "who": ["p"] * 4}
    risk = risk_of("q", "s", "who", **columns)
    assert (risk.rows, risk.subjects, risk.k, risk.unique_rows, risk.max_reidentification_risk) == (4, 1, 1, 4, 1.0)
    assert risk_of("q", "s", **columns).k == 4


def test_spellings_of_one_person_count_once() -> None:
    who = ["S1", "s1 ", " S1", "S-1", "07", "7", "7.0"]
    risk = risk_of("q", "", "who", q=["1"] * 7, who=who)
    assert (risk.k, risk.subjects) == (2, 2)
    # Zeros are ignored only at the beginning of the name.
    assert risk_of("q", "", "who", q=["1"] * 6, who=["S1", "S01", "S101", "S11", "100", "10"]).subjects == 6


def test_unnamed_row_adds_nobody() -> None:
    # A row without a name may belong to a named person. The classes have at least one, two and one people.
    risk = risk_of("q", "", "who", q=["1", "1", "2", "2", "2", "3", "3"], who=["p", "", "p", "r", "NA", "", "unknown"])
    assert (risk.k, risk.subjects, risk.unique_rows, risk.max_reidentification_risk) == (1, 2, 4, 1.0)
    assert risk_of("q", "", "who", q=["1", "1"], who=["", "NA"]).subjects == 1


def test_person_counts_in_every_class_with_one_of_their_rows() -> None:
    risk = risk_of("q", "", "who", q=["1", "1", "2", "2"], who=["p", "q", "p", "p"])
    assert (risk.k, risk.subjects, risk.unique_rows) == (1, 2, 2)


def test_every_person_has_the_same_weight() -> None:
    # p has three rows with "a", and r has one row with "b". Counted by people, each value has a share of 1/2, so
    # exp(H) = 2. Counted by rows, the shares are 3/4 and 1/4.
    columns = {"q": ["1"] * 4, "s": ["a", "a", "a", "b"], "who": ["p", "p", "p", "r"]}
    assert risk_of("q", "s", "who", **columns).entropy_l["s"] == pytest.approx(2)
    rows = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert risk_of("q", "s", **columns).entropy_l["s"] == pytest.approx(rows)


def test_table_of_one_row_works() -> None:
    risk = risk_of("q", "s n", q=["1"], s=["a"], n=["5"])
    assert (risk.rows, risk.classes, risk.k, risk.t) == (1, 1, 1, {"s": 0.0, "n": 0.0})


def test_columns_of_missing_values_form_one_class_of_one_value() -> None:
    risk = risk_of("q", "s", q=["", "", ""], s=["", "", ""])
    assert (risk.classes, risk.k, risk.distinct_l, risk.t) == (1, 3, {"s": 1}, {"s": 0.0})


def test_many_columns_of_many_values_do_not_overflow_into_one_class() -> None:
    # 40 columns of 100 values make 100 ** 40 keys. The last row differs from the first only in its first column, whose
    # weight of 100 ** 39 does not fit in 64 bits.
    rows = [[str(i)] * 40 for i in range(100)] + [["5", *["0"] * 39]]
    columns = {f"q{c}": [row[c] for row in rows] for c in range(40)}
    risk = risk_of(" ".join(columns), **columns)
    assert (risk.classes, risk.unique_rows) == (101, 101)


def test_large_numbers_that_differ_in_the_last_digit_stay_distinct() -> None:
    assert risk_of("q", "n", q=["1"] * 2, n=["90071992547409920", "90071992547409921"]).distinct_l == {"n": 2}


@pytest.mark.parametrize(
    ("quasi", "sensitive", "subject", "why"),
    [
        ("", "", None, "name at least one quasi-identifier"),
        ("q x", "", None, "no column 'x'"),
        ("q", "x", None, "no column 'x'"),
        ("q", "s", "x", "no column 'x'"),
        ("q s", "s", None, "'s' is named twice"),
        ("q q", "", None, "'q' is named twice"),
        ("q", "s", "q", "'q' is named twice"),
    ],
)
def test_contradictory_roles_are_refused(quasi: str, sensitive: str, subject: str | None, why: str) -> None:
    with pytest.raises(BadTable, match=why):
        risk_of(quasi, sensitive, subject, q=["1"], s=["a"])


def test_exponent_in_a_name_does_not_make_it_a_number() -> None:
    names = ["1E1", "10", "1e1", "010", "10.0", "1E2", "100"]
    table = table_of({"age": ["30"] * len(names), "who": names})
    assert measure(table, Roles(("age",), (), "who")).subjects == 4
    ignored = "case, separators, encoding, leading zeros of numbers, and occasions (visit 2) are ignored"
    assert notes_on(table["who"], "who") == [f"7 spellings in 'who' count as 4 people: {ignored}."]
    assert "count as one person:" in notes_on(column_of(["a", "A"]), "who")[0]
