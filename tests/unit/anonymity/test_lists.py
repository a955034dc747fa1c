"""Values that are lists: lists that share an item are not diverse, and distances are those between items."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import column_of, table_of
from fairdatabase.anonymity.risk.closeness import closeness
from fairdatabase.anonymity.risk.diversity import distinct_l, entropy_l
from fairdatabase.anonymity.risk.limits import Content, Limits
from fairdatabase.anonymity.risk.risk import Roles, measure
from fairdatabase.anonymity.risk.sensitive import read_sensitive
from fairdatabase.anonymity.search.anonymise import anonymise
from fairdatabase.anonymity.search.sweep import groups_of, permitted

LISTS = st.lists(st.sampled_from(["gout", "AMD", "COPD", "MS", "CKD", "none"]), min_size=1, max_size=3, unique=True)


def items_of(value: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in value.split(";"))


def diversity(values: Sequence[str]) -> int:
    """Return the number of different lists, if those with the most common item count as one."""
    different = {items_of(value) for value in values}
    return len(different) - max(Counter(item for one in different for item in one).values()) + 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["gout", "gout;AMD"], 1),
        (["gout;AMD", "AMD;COPD", "AMD"], 1),
        (["gout|AMD", "AMD|gout"], 1),
        (["Gout, AMD", "amd;GOUT", " amd | gout "], 1),
        (["gout", "gout;AMD", "COPD"], 2),
        (["gout", "AMD", "COPD"], 3),
        (["gout;AMD", "COPD;MS"], 2),
        (["gout;AMD", "AMD;COPD", "gout;COPD"], 2),
        (["gout;unknown", "gout", "gout;"], 1),
        (["unknown", "gout"], 2),
        (["none", "none;gout"], 1),
    ],
)
def test_lists_that_share_an_item_are_one_value(values: list[str], expected: int) -> None:
    table = table_of({"q": ["x"] * len(values), "ill": values})
    assert measure(table, Roles(("q",), ("ill",))).distinct_l == {"ill": expected}


@given(st.lists(st.tuples(st.integers(0, 2), LISTS.map(";".join)), min_size=1, max_size=30))
def test_diversity_is_that_of_the_definition(rows: list[tuple[int, str]]) -> None:
    _, ids = np.unique([number for number, _ in rows], return_inverse=True)
    found = distinct_l(ids, int(ids.max()) + 1, read_sensitive(column_of([value for _, value in rows])))
    for number in range(len(found)):
        here = [value for (_, value), own in zip(rows, ids.tolist(), strict=True) if own == number]
        assert found[number] == diversity(here)


@given(st.lists(st.tuples(st.integers(0, 2), LISTS.map(";".join)), min_size=1, max_size=30), st.integers(2, 3))
def test_a_cut_is_permitted_if_both_sides_are_diverse(rows: list[tuple[int, str]], l: int) -> None:  # noqa: E741
    rows.sort(key=lambda row: row[0])
    sizes = np.array([*Counter(number for number, _ in rows).values()])
    values = [value for _, value in rows]
    content = Content(people_of(None, len(rows)), [read_sensitive(column_of(values))])
    left, right = permitted(content, Limits(1, l), np.arange(len(rows)), groups_of(sizes))
    start = 0
    for size in sizes.tolist():
        for at in range(start, start + size):
            assert left[at] == (diversity(values[start : at + 1]) >= l)
            behind = values[at + 1 : start + size]
            assert right[at] == (bool(behind) and diversity(behind) >= l)
        start += size


@given(st.lists(st.tuples(st.integers(0, 2), LISTS.map(";".join)), min_size=1, max_size=30))
def test_t_is_the_larger_distance_of_items_and_of_people_with_an_item(rows: list[tuple[int, str]]) -> None:
    _, ids = np.unique([number for number, _ in rows], return_inverse=True)
    sensitive = read_sensitive(column_of([value for _, value in rows]))
    found = closeness(ids, int(ids.max()) + 1, sensitive, np.ones(len(rows)))

    def shares(some: list[frozenset[str]]) -> tuple[Counter[str], Counter[str]]:
        divided, having = Counter[str](), Counter[str]()
        for one in some:
            for item in one:
                divided[item] += 1 / len(one) / len(some)  # pyright: ignore[reportArgumentType]
                having[item] += 1 / len(some)  # pyright: ignore[reportArgumentType]
        return divided, having

    everybody = [items_of(value) for _, value in rows]
    of_all = shares(everybody)
    for number in range(len(found)):
        of_class = shares([one for one, own in zip(everybody, ids.tolist(), strict=True) if own == number])
        divided, having = ([abs(c[i] - a[i]) for i in a] for c, a in zip(of_class, of_all, strict=True))
        assert found[number] == pytest.approx(max(sum(divided) / 2, *having))


def test_entropy_l_of_lists_joins_those_with_the_most_common_item() -> None:
    ids = np.zeros(4, np.int64)
    for values, expected in ((["gout", "gout;AMD", "gout;MS", "gout"], 1), (["gout", "gout;AMD", "MS", "MS;CKD"], 2)):
        sensitive = read_sensitive(column_of(values))
        assert entropy_l(ids, 1, sensitive, np.ones(4))[0] >= expected - 1e-9
        assert (entropy_l(ids, 1, sensitive, np.ones(4))[0] == 1) == (expected == 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(20, 60), LISTS.map(", ".join)), min_size=8, max_size=50))
def test_no_published_class_has_one_item_in_every_list(rows: list[tuple[int, str]]) -> None:
    table = table_of({"age": [str(age) for age, _ in rows], "ill": [value for _, value in rows]})
    if diversity([value.replace(",", ";") for _, value in rows]) < 2:
        return
    done = anonymise(table, Roles(("age",), ("ill",)), Limits(3, 2, max_suppression=0.1), keep=["ill"])
    classes: dict[str, list[frozenset[str]]] = {}
    for age, ill in zip(done.table["age"].texts(), done.table["ill"].texts(), strict=True):
        classes.setdefault(age, []).append(items_of(ill.replace(",", ";")))
    assert not any(frozenset.intersection(*lists) for lists in classes.values())
