"""Advice names the classes that protect least, and the column whose next level gains most."""

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.reports.advice import Step, next_steps, worst_classes
from fairdatabase.anonymity.risk.risk import Roles

# Twelve ages of which no two are equal, each with one of two towns; six in each.
TABLE = table_of(
    {
        "age": [str(30 + i) for i in range(12)],
        "town": ["Ghent", "Cork"] * 6,
        "ill": ["flu", "flu", *["IBD"] * 10],
        "one": ["x"] * 12,
    }
)


def test_the_largest_gain_comes_first() -> None:
    # Alone, "*" for the town leaves twelve ages. Bands of two, aligned at 30, hold one of each town: all twelve stay
    # unique.
    assert next_steps(TABLE, Roles(("town", "age", "one"))) == [
        Step("town", "*", 1, 12, 12),
        Step("age", "bands of 2", 1, 12, 12),
    ]
    # Without ages under one another's towns, the band joins two.
    assert next_steps(TABLE, Roles(("age",))) == [Step("age", "bands of 2", 2, 0, 12)]
    few = table_of({"age": ["30", "30", "30", "31", "31", "31"], "town": ["a", "b", "c"] * 2})
    assert next_steps(few, Roles(("age", "town"))) == [Step("age", "*", 2, 0, 6), Step("town", "*", 3, 0, 6)][::-1]


def test_of_classes_of_one_size_those_that_tell_most_come_first() -> None:
    table = table_of({"q": ["a", "a", "b", "b", "c", "c", "c"], "ill": ["x", "y", "x", "x", "x", "x", "x"]})
    worst = worst_classes(table, Roles(("q",), ("ill",)), most=2)
    assert [(found.quasi, found.rows, found.values) for found in worst] == [
        ({"q": "b"}, 2, {"ill": 1}),
        ({"q": "a"}, 2, {"ill": 2}),
    ]
