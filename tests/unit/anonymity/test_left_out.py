"""Suppressed rows do not influence how the other rows are published."""

import re

import numpy as np
import pytest

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import infer_hierarchy
from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Method, anonymise
from tests.unit.anonymity.naive import l_of


@pytest.mark.parametrize("far", ["-3", "93.25", "1e6", "5000"])
@pytest.mark.parametrize("method", ["full", "local"])
def test_suppressed_rows_do_not_influence_the_published_values(far: str, method: Method) -> None:
    dice = np.random.default_rng(1)
    table = table_of({"age": [*dice.integers(20, 61, 400).astype(str).tolist(), far]})
    done = anonymise(table, Roles(("age",)), Limits(15, max_suppression=0.02), method=method)
    assert far not in done.original["age"].values
    hierarchy = infer_hierarchy(done.original["age"].values)
    assert hierarchy.line is not None
    if done.recoding.levels is not None:
        level = hierarchy.levels[done.recoding.levels["age"]]
        bands = [level.labels[node] for node in level.nodes[done.original["age"].codes].tolist()]
        assert done.table["age"].texts() == bands
        assert re.fullmatch(r"\d+-\d+", bands[0])
    else:
        ranges = [text.split("-") for text in done.table["age"].texts() if "-" in text]
        assert ranges
        assert {(int(low) % hierarchy.line.step, int(high) % hierarchy.line.step) for low, high in ranges} == {(0, 0)}
    # The same loss can be computed from the published table alone.
    ends = [list(map(int, text.split("-"))) for text in done.table["age"].texts()]
    span = max(end[-1] for end in ends) - min(end[0] for end in ends)
    lost = sum(end[-1] - end[0] for end in ends) / span + 401 - len(ends)
    assert done.recoding.loss.ncp == pytest.approx(lost / 401)


def test_suppression_does_not_change_the_type_of_a_column() -> None:
    # Only the suppressed "flu" makes this a column of categories. As a column of numbers, "none" would count as
    # missing, and the class of age 30 would have only one value.
    rows = [("30", "none"), ("30", "")] * 5 + [("31", "5"), ("31", "none")] * 5 + [("90", "flu")]
    table = table_of({"age": [age for age, _ in rows], "disease": [disease for _, disease in rows]})
    done = anonymise(table, Roles(("age",), ("disease",)), Limits(5, 2, max_suppression=0.1))
    assert (
        l_of(list(zip(*(column.texts() for column in done.table.columns.values()), strict=True)), (0,), 1)
        == done.after.distinct_l["disease"]
        >= 2
    )
