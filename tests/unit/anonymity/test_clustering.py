"""Clustering groups rows from the bottom up, and meets the limits in every block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.hierarchies.domains import Domain, domain_of
from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Table, table_of
from fairdatabase.anonymity.recoding.recoding import ncp_by_classes
from fairdatabase.anonymity.risk.limits import Content, Limits, lacking
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.risk.sensitive import read_sensitive
from fairdatabase.anonymity.search.anonymise import anonymise
from fairdatabase.anonymity.search.clustering import cluster
from fairdatabase.anonymity.search.extents import extents_of
from fairdatabase.anonymity.search.regrouping import merge_failing, regroup

ROWS = st.lists(
    st.tuples(
        st.integers(18, 90).map(str) | st.sampled_from(["", "90+", "unknown"]),
        st.sampled_from(["Cork", "York", "Ghent"]),
        st.sampled_from(["2016-03-01", "2016-03-07", "2015-11", "?"]),
        st.sampled_from(["gout", "AMD", "gout;AMD", "none"]),
        st.integers(0, 9).map(str) | st.just(""),
    ),
    min_size=12,
    max_size=60,
)


def domains_of(table: Table, *titles: str) -> dict[str, Domain]:
    hierarchies = hierarchies_of({title: table[title] for title in titles}, {})
    return {title: domain_of(table[title], hierarchies[title]) for title in titles}


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(1, 4), st.integers(1, 2), st.booleans(), st.integers(1, 3))
def test_classes_meet_the_limits_and_regrouping_loses_no_more(
    rows: list[tuple[str, ...]],
    k: int,
    l: int,  # noqa: E741
    by_person: bool,
    number: int,
) -> None:
    titles = ("age", "town", "when", "ill", "who")
    table = table_of(dict(zip(titles, map(list, zip(*rows, strict=True)), strict=True)))
    domains = domains_of(table, "age", "town", "when")
    content = Content(people_of(table["who"] if by_person else None, len(rows)), [read_sensitive(table["ill"])])
    limits, whole = Limits(k, l), np.zeros(len(rows), np.int64)
    if lacking(whole, 1, content, limits).any():
        return
    every = list(domains.values())
    ids, count = cluster(every, content, limits, np.array_split(np.arange(len(rows)), number))
    assert sorted(set(ids.tolist())) == list(range(count))
    ids, count = merge_failing(every, content, limits, ids, count)
    before = ncp_by_classes(domains, ids, count, np.arange(len(rows)), len(rows))
    ids, count = regroup(every, content, limits, ids, count)
    assert sorted(set(ids.tolist())) == list(range(count))
    assert ncp_by_classes(domains, ids, count, np.arange(len(rows)), len(rows)) <= before + 1e-6
    ids, count = merge_failing(every, content, limits, ids, count)
    assert not lacking(ids, count, content, limits).any()


@given(ROWS, st.data())
def test_extents_agree_with_the_losses_of_classes(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    table = table_of({"age": [row[0] for row in rows], "town": [row[1] for row in rows]})
    domains = domains_of(table, "age", "town")
    ids = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))))
    _, ids = np.unique(ids, return_inverse=True)
    count = int(ids.max()) + 1
    extents = extents_of(list(domains.values()), ids, count)

    def losses(classes: np.ndarray, number: int) -> list[float]:
        every = np.arange(len(rows))
        alone = [np.where(classes == one, 0, np.arange(len(rows)) + 1) for one in range(number)]
        ids_alone = [np.unique(one, return_inverse=True)[1] for one in alone]
        sizes = np.bincount(classes)
        return [
            ncp_by_classes(domains, one, int(one.max()) + 1, every, len(rows)) * len(rows) * 2 / size
            for one, size in zip(ids_alone, sizes.tolist(), strict=True)
        ]

    assert extents.losses() == pytest.approx(losses(ids, count))
    row = data.draw(st.integers(0, len(rows) - 1))
    grown = ids.copy()
    group = int((ids[row] + 1) % count)
    grown[row] = group
    if len(set(grown.tolist())) == count:
        added = sum(extents.costs(i, np.array([group]), d.ranks[[row]])[0] for i, d in enumerate(domains.values()))
        assert added == pytest.approx(losses(grown, count)[group], abs=1e-5)


def test_rows_that_differ_in_two_columns_at_once_are_clustered() -> None:
    # Two diagonals: no cut in one column separates them.
    pairs = [(str(20 + i), str(20 + i)) for i in range(40)] + [(str(20 + i), str(59 - i)) for i in range(40)]
    table = table_of({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    roles, limits = Roles(("a", "b")), Limits(5, max_suppression=0)
    found = {method: anonymise(table, roles, limits, method=method) for method in ("cluster", "local", "least")}
    ncps = {method: done.recoding.loss.ncp for method, done in found.items()}
    assert found["cluster"].after.k >= 5
    assert ncps["local"] <= 1.05 * ncps["cluster"]
    assert ncps["least"] <= 1.05 * ncps["local"]


def test_column_with_one_value_costs_nothing() -> None:
    domain = domains_of(table_of({"a": ["x"] * 4}), "a")["a"]
    extents = extents_of([domain], np.array([0, 0, 1, 1]), 2)
    assert extents.losses().tolist() == [0, 0]
    assert extents.table(0).tolist() == [[0], [0]]
