"""t equals the earth mover's distance that a walk over all values computes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairdatabase.anonymity.model.classes import group
from fairdatabase.anonymity.model.people import people_of
from fairdatabase.anonymity.model.table import column_of
from fairdatabase.anonymity.risk.closeness import closeness
from fairdatabase.anonymity.risk.sensitive import read_sensitive

rows = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["", *map(str, range(-4, 5)), "2.50"]), st.integers(0, 5)),
    min_size=1,
    max_size=30,
)


def walk(mine: dict[str, float], table: dict[str, float]) -> float:
    """Compute the distance by moving earth along the ranks, step by step."""
    numbers = sorted({float(value) for value in table if value})
    if len(numbers) < 2:
        return sum(abs(mine.get(value, 0) - share) for value, share in table.items()) / 2
    places = {v: 0.5 if not v else numbers.index(float(v)) / (len(numbers) - 1) for v in table}
    order = sorted(table, key=places.__getitem__)
    carried = total = 0.0
    for here, there in pairwise(order):
        carried += mine.get(here, 0) - table[here]
        total += abs(carried) * (places[there] - places[here])
    return total + abs(mine.get("", 0) - table.get("", 0)) / 2


@given(rows, st.booleans())
def test_distance_of_each_class_matches_a_walk(rows: list[tuple[int, str, int]], by_person: bool) -> None:
    classes = [c for c, _, _ in rows]
    subjects = [who for _, _, who in rows]
    weights = [1 / subjects.count(who) if by_person else 1.0 for who in subjects]
    ids, count = group([column_of(map(str, classes)).codes])
    people = people_of(column_of(map(str, subjects)) if by_person else None, len(rows))
    found = closeness(ids, count, read_sensitive(column_of(value for _, value, _ in rows)), people.weights)

    def shares(chosen: list[int]) -> dict[str, float]:
        whole = sum(weights[i] for i in chosen)
        return {v: sum(weights[i] for i in chosen if rows[i][1] == v) / whole for v in {rows[i][1] for i in chosen}}

    for number in range(count):
        members = [i for i in range(len(rows)) if ids[i] == number]
        expected = walk(shares(members), shares(list(range(len(rows)))))
        assert abs(found[number] - expected) < 1e-9
