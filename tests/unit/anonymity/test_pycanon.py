"""Risk agrees with pycanon on large tables, except for the differences listed here.

pycanon differs in three ways. It groups with pandas, which drops rows with a missing quasi-identifier, so its k covers
only the other rows. It rounds entropy l down to a whole number. It cannot sort a sensitive column of texts with a
missing value.
"""

import math
import random
import warnings

import pytest

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.risk.risk import Risk, Roles, measure

with warnings.catch_warnings():
    # pandas emits this warning about its own code.
    warnings.simplefilter("ignore")
    import pandas as pd
    from pycanon import anonymity as pycanon

ROWS = 30_000
QUASI = ["age", "sex", "country"]


def columns(seed: int, missing: float = 0.0) -> dict[str, list[str]]:
    dice = random.Random(seed)

    def one(values: list[str]) -> str:
        return "" if dice.random() < missing else dice.choice(values)

    return {
        "age": [one([str(decade) for decade in range(20, 90, 5)]) for _ in range(ROWS)],
        "sex": [dice.choice(["F", "M"]) for _ in range(ROWS)],
        "country": [dice.choice(["Fiji", "Peru", "Spain"]) for _ in range(ROWS)],
        "disease": [dice.choices(["none", "flu", "asthma", "IBD"], [90, 8, 1, 1])[0] for _ in range(ROWS)],
        "income": [str(round(dice.gauss(60, 9))) for _ in range(ROWS)],
    }


def frame(table: dict[str, list[str]]) -> "pd.DataFrame":
    read = pd.DataFrame({title: [value or None for value in values] for title, values in table.items()})
    read["income"] = read["income"].astype(int)
    return read


def measured(table: dict[str, list[str]], sensitive: str) -> Risk:
    return measure(table_of(table), Roles(tuple(QUASI), (sensitive,)))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("sensitive", ["disease", "income"])
def test_k_l_and_t_agree_on_whole_tables(seed: int, sensitive: str) -> None:
    table = columns(seed)
    ours, theirs = measured(table, sensitive), frame(table)

    assert ours.k == pycanon.k_anonymity(theirs, QUASI)
    assert ours.distinct_l[sensitive] == pycanon.l_diversity(theirs, QUASI, [sensitive])
    assert math.floor(ours.entropy_l[sensitive]) == pycanon.entropy_l_diversity(theirs, QUASI, [sensitive])
    assert ours.t[sensitive] == pytest.approx(pycanon.t_closeness(theirs, QUASI, [sensitive]))


def test_rows_with_missing_values_count_here_but_not_in_pycanon() -> None:
    table = columns(4)
    table["age"][17] = ""

    assert measured(table, "disease").k == 1
    assert pycanon.k_anonymity(frame(table), QUASI) > 1


def test_pycanon_agrees_when_missing_values_have_a_name() -> None:
    table = columns(5, missing=0.01)
    named = {title: [value or "missing" for value in values] for title, values in table.items()}
    ours, theirs = measured(table, "disease"), frame(named)

    assert ours.k == pycanon.k_anonymity(theirs, QUASI)
    assert ours.t["disease"] == pytest.approx(pycanon.t_closeness(theirs, QUASI, ["disease"]))
