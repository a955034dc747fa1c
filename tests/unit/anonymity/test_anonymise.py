"""The published table meets the limits by plain counting, and loses no more than necessary."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.hierarchies.inferred_hierarchies import hierarchies_of
from fairdatabase.anonymity.model.errors import CannotBeMet
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import Table, table_of
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.risk.risk import Roles, measure
from fairdatabase.anonymity.search.anonymise import Anonymised, Method, anonymise
from fairdatabase.anonymity.search.lattice import Lattice, search
from fairdatabase.sheets.errors import BadTable
from tests.unit.anonymity.naive import Row, classes, k_of, l_of, mondrian_ncp, people_in, reader, t_of, written_ncp

TITLES = ("age", "town", "day", "disease", "dose", "who")
AGE, TOWN, DAY, DISEASE, DOSE, WHO = range(6)
QUASI = (AGE, TOWN, DAY)
ROLES = Roles(("age", "town", "day"), ("disease", "dose"))
ages = st.integers(18, 90).map(str) | st.sampled_from(["", "30", "31", "35"])
days = st.dates(min_value=date(2015, 1, 1), max_value=date(2017, 12, 31)).map(str)
rows_of = st.lists(
    st.tuples(
        ages,
        st.sampled_from(["Ghent", "Delft", "Cork", "York", ""]),
        days | st.just(""),
        st.sampled_from(["flu", "Flu", "none", "IBD", "", "NA", "Unknown ", "5", "5.0"]),
        st.integers(1, 6).map(str),
        st.integers(1, 12).map(str) | st.sampled_from(["", "NA", "3.0", " 4", "p", "P "]),
    ),
    min_size=2,
    max_size=45,
)
ways = st.sampled_from(["least", "full", "local", "cluster"])


def as_table(rows: Sequence[Row]) -> Table:
    return table_of({title: [row[i] for row in rows] for i, title in enumerate(TITLES)})


def rows_in(table: Table) -> list[Row]:
    return list(zip(*(column.texts() for column in table.columns.values()), strict=True))


def with_subjects(done: Anonymised) -> list[Row]:
    """Return the published rows together with their subjects."""
    columns = {**done.table.columns, "who": done.original["who"]}
    return list(zip(*(columns[title].texts() for title in TITLES), strict=True))


def try_to(rows: Sequence[Row], roles: Roles, limits: Limits, method: Method) -> Anonymised | None:
    try:
        return anonymise(as_table(rows), roles, limits, method=method, keep=roles.sensitive)
    except CannotBeMet:
        return None


@settings(max_examples=300, deadline=None)
@given(
    rows_of,
    st.integers(1, 6),
    st.integers(1, 3),
    st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.booleans(),
    ways,
)
def test_published_table_meets_every_limit(
    rows: list[Row],
    k: int,
    l: int,  # noqa: E741 - the field's own name
    t: float | None,
    most: float,
    by_person: bool,
    method: Method,
) -> None:
    subject = WHO if by_person else None
    roles = Roles(ROLES.quasi, ROLES.sensitive, "who" if by_person else None)
    done = try_to(rows, roles, Limits(k, l, t, most), method)
    if done is None:
        values = min(len(set(map(reader(rows, i), (row[i] for row in rows)))) for i in (DISEASE, DOSE))
        assert people_in(rows, subject) < k or values < l
        return
    published = with_subjects(done)
    assert k_of(published, QUASI, subject) >= k
    assert min(l_of(published, QUASI, i) for i in (DISEASE, DOSE)) >= l
    assert len(rows) - len(published) <= most * len(rows)
    if t is not None:
        assert t_of(published, QUASI, DISEASE, subject, None) <= t + 1e-9
        doses = sorted({row[DOSE] for row in published}, key=int)
        assert len(doses) < 2 or t_of(published, QUASI, DOSE, subject, doses) <= t + 1e-9
    # Measuring the published table gives the same figures as the report.
    figures = measure(Table({**done.table.columns, "who": done.original["who"]}, done.table.rows), roles)
    assert figures == done.after
    assert figures.k == k_of(published, QUASI, subject)
    assert figures.distinct_l == {"disease": l_of(published, QUASI, DISEASE), "dose": l_of(published, QUASI, DOSE)}


@settings(max_examples=100, deadline=None)
@given(rows_of, st.integers(1, 4), ways)
def test_only_quasi_identifiers_and_the_subject_change(rows: list[Row], k: int, method: Method) -> None:
    done = try_to(rows, Roles(ROLES.quasi, ROLES.sensitive, "who"), Limits(k, max_suppression=0), method)
    assume(done is not None)
    assert done is not None
    assert list(done.table.columns) == list(TITLES[:-1])
    kept = Counter((row[DISEASE], row[DOSE]) for row in rows)
    assert Counter((row[DISEASE], row[DOSE]) for row in rows_in(done.table)) == kept


@settings(max_examples=100, deadline=None)
@given(rows_of, st.integers(1, 3), ways)
def test_table_that_meets_the_limits_is_unchanged(rows: list[Row], times: int, method: Method) -> None:
    repeated = rows * times
    k = k_of(repeated, QUASI, None)
    done = anonymise(as_table(repeated), ROLES, Limits(k, max_suppression=0.5), method=method, keep=ROLES.sensitive)
    # The column without a role is unknown to the policy, so it is not published.
    assert Counter(rows_in(done.table)) == Counter(row[:-1] for row in repeated)
    assert (done.recoding.kind, done.recoding.loss.ncp) == ("unchanged", 0)
    assert done.before.as_json() == done.after.as_json()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(18, 90).map(str),
            st.sampled_from(["Ghent", "Delft", "Cork", "York"]),
            st.integers(1, 400).map(str),
        ),
        min_size=4,
        max_size=80,
    ),
    st.integers(2, 5),
    st.sampled_from(["loss", "values"]),
    st.booleans(),
)
def test_loss_is_at_most_that_of_a_strict_mondrian(rows: list[Row], k: int, by: str, left: bool) -> None:
    # Mondrian's sets name rare towns, which the product never does.
    towns = Counter(row[1] for row in rows)
    rows = [row for row in rows if towns[row[1]] >= k]
    assume(rows)
    table = table_of({"age": [r[0] for r in rows], "town": [r[1] for r in rows], "weight": [r[2] for r in rows]})
    done = anonymise(table, Roles(("age", "town", "weight")), Limits(k))
    steps = steps_of(table, "age", "weight")
    lost = written_ncp(rows_in(done.table), rows, (0, 1, 2), steps)
    assert lost <= mondrian_ncp(rows, (0, 1, 2), steps, k, by, left) + 1e-9


def steps_of(table: Table, *titles: str) -> dict[int, float]:
    """Return the steps of columns of numbers, by the number of the column."""
    lines = {i: hierarchies_of({t: c}, {})[t].line for i, (t, c) in enumerate(table.columns.items()) if t in titles}
    return {i: float(line.step) for i, line in lines.items() if line is not None}


def test_loss_is_far_below_a_strict_mondrian_on_a_large_table() -> None:
    dice = np.random.default_rng(3)
    rows = [
        (str(a), town, str(w))
        for a, town, w in zip(
            dice.integers(18, 90, 2000).tolist(),
            dice.choice(["Ghent", "Delft", "Cork", "York"], 2000).tolist(),
            dice.normal(75, 12, 2000).round().astype(int).tolist(),
            strict=True,
        )
    ]
    table = table_of({"age": [r[0] for r in rows], "town": [r[1] for r in rows], "weight": [r[2] for r in rows]})
    done = anonymise(table, Roles(("age", "town", "weight")), Limits(5))
    steps = steps_of(table, "age", "weight")
    assert written_ncp(rows_in(done.table), rows, (0, 1, 2), steps) < 0.85 * mondrian_ncp(rows, (0, 1, 2), steps, 5)


@settings(max_examples=150, deadline=None)
@given(rows_of, st.integers(1, 4), st.sampled_from([0.0, 0.2, 0.4]))
def test_best_full_domain_recoding_is_found(rows: list[Row], k: int, most: float) -> None:
    assume(len(rows) >= k)
    table, limits = as_table(rows), Limits(k, max_suppression=most)
    columns = {title: table[title] for title in ROLES.quasi}
    hierarchies = hierarchies_of(columns, {})
    lattice = Lattice(
        list(columns.values()), list(hierarchies.values()), Content(people_of(None, len(rows)), []), limits
    )
    found = search(lattice)
    assert found is not None
    best = math.inf
    for choice in product(*(hierarchy.levels for hierarchy in hierarchies.values())):
        codes = list(zip(*(column.codes.tolist() for column in columns.values()), strict=True))
        recoded = [
            tuple(level.labels[int(level.nodes[c])] for level, c in zip(choice, row, strict=True)) for row in codes
        ]
        lost = [sum(float(level.losses[c]) for level, c in zip(choice, row, strict=True)) for row in codes]
        sizes = Counter(recoded)
        kept = [i for i in range(len(rows)) if sizes[recoded[i]] >= k]
        if kept and len(rows) - len(kept) <= most * len(rows):
            best = min(best, (sum(lost[i] for i in kept) + 3 * (len(rows) - len(kept))) / 3 / len(rows))
    assert lattice.loss(found) == pytest.approx(best)


@pytest.mark.parametrize("method", ["least", "full", "local"])
@pytest.mark.parametrize("most", [0.0, 0.1])
@pytest.mark.parametrize("spread", [1, 12])
def test_rows_are_shuffled(method: Method, most: float, spread: int) -> None:
    # Rows of a single age are not generalised. Rows of twelve ages and one very different age are.
    rows = [(str(30 + i % spread), "Ghent", "", "flu", str(i), "") for i in range(200)]
    rows.append((str(30 if spread == 1 else 90), "Ghent", "", "flu", "200", ""))
    limits = Limits(30, max_suppression=most)
    dones = [anonymise(as_table(rows), ROLES, limits, method=method, keep=ROLES.sensitive) for _ in range(2)]
    assert all((done.recoding.kind == "unchanged") == (spread == 1) for done in dones)
    orders = [[int(row[DOSE]) for row in rows_in(done.table)] for done in dones]
    assert orders[0] != orders[1]
    for order in orders:
        # In a random order, about half of the rows exceed the row before, and few follow their neighbour in the input.
        assert sum(a < b for a, b in pairwise(order)) == pytest.approx(100, abs=40)
        assert sum(abs(a - b) == 1 for a, b in pairwise(order)) < 20


def test_rare_row_is_left_out_when_that_loses_less() -> None:
    rows = [(age, "Ghent", "2016-05-01", "flu", "1", "") for age in ["30"] * 20 + ["31"] * 20 + ["90"]]
    done = anonymise(as_table(rows), ROLES, Limits(5, max_suppression=0.1))
    assert {row[AGE] for row in rows_in(done.table)} == {"30", "31"}
    assert len(rows_in(done.table)) == 40
    # One of 41 rows is suppressed. Discernibility: twice 20 squared, plus 41 for the row that is left out.
    assert done.recoding.loss.ncp == pytest.approx(1 / 41)
    assert done.recoding.loss.discernibility == 2 * 20**2 + 41
    kept = anonymise(as_table(rows), ROLES, Limits(5, max_suppression=0.0))
    assert len(rows_in(kept.table)) == 41


def test_t_that_only_the_whole_table_meets_makes_one_class() -> None:
    rows = [("30", "Ghent", "", "flu", "1", ""), ("31", "Cork", "", "IBD", "1", "")] * 5
    done = anonymise(as_table(rows), ROLES, Limits(2, 1, 0.0))
    assert len(classes(rows_in(done.table), QUASI)) == 1
    assert done.after.t["disease"] == 0


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(11), r"--k 11 cannot be met: the table has 10 people"),
        (Limits(2, 3), r"--l 3 cannot be met: 'disease' has 2 values"),
        (Limits(2, 2), r"--l 2 cannot be met: 'dose' has one value"),
    ],
)
def test_unreachable_limit_is_named(limits: Limits, why: str) -> None:
    rows = [("30", "Ghent", "", disease, "1", "") for disease in ["flu", "IBD"] * 5]
    with pytest.raises(CannotBeMet, match=why):
        anonymise(as_table(rows), ROLES, limits)


def test_k_above_the_number_of_people_is_refused() -> None:
    rows = [("30", "Ghent", "", "flu", "1", "p")] * 10
    with pytest.raises(CannotBeMet, match="--k 2 cannot be met: the table has one person"):
        anonymise(as_table(rows), Roles(("age",), (), "who"), Limits(2))


@pytest.mark.parametrize(
    ("limits", "roles", "drop", "why"),
    [
        (Limits(0), ROLES, (), "--k must be at least 1"),
        (Limits(2, 0), ROLES, (), "--l must be at least 1"),
        (Limits(2, 1, 1.5), ROLES, (), "--t must be between 0 and 1"),
        (Limits(2, 1, math.nan), ROLES, (), "--t must be between 0 and 1"),
        (Limits(2, 1, None, 1.0), ROLES, (), "--max-suppression"),
        (Limits(2, 2), Roles(("age",)), (), "they need --sensitive"),
        (Limits(2), ROLES, ("x",), "no column 'x' to drop"),
        (Limits(2), ROLES, ("age",), "'age' cannot be dropped"),
    ],
)
def test_meaningless_options_are_refused(limits: Limits, roles: Roles, drop: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadTable, match=why):
        anonymise(as_table([("30", "Ghent", "", "flu", "1", "")]), roles, limits, drop=drop)


def test_three_hundred_quasi_identifiers_work() -> None:
    dice = np.random.default_rng(1)
    table = table_of({f"q{i}": dice.integers(0, 50, 60).astype(str).tolist() for i in range(300)})
    done = anonymise(table, Roles(tuple(table.columns)), Limits(5))
    assert done.after.k >= 5
