"""Advice lists the classes with the least protection, and the column whose next level improves it most."""

from fairdatabase.anonymity.model.table import table_of
from fairdatabase.anonymity.reports.advice import Step, next_steps, worst_classes
from fairdatabase.anonymity.risk.risk import Roles

# Twelve different ages, each with one of two towns; six per town.
TABLE = table_of(
    {
        "age": [str(30 + i) for i in range(12)],
        "town": ["Ghent", "Cork"] * 6,
        "ill": ["flu", "flu", *["IBD"] * 10],
        "one": ["x"] * 12,
    }
)


def test_largest_gain_comes_first() -> None:
    # "*" for the town leaves twelve ages. Bands of five ages leave only the ages 40 and 41 unique.
    assert next_steps(TABLE, Roles(("town", "age", "one"))) == [
        Step("age", "bands of 5", 1, 2, 12),
        Step("town", "*", 1, 12, 12),
    ]
    # If only the age is a quasi-identifier, the last band joins two rows.
    assert next_steps(TABLE, Roles(("age",))) == [Step("age", "bands of 5", 2, 0, 2)]
    few = table_of({"age": ["30", "30", "30", "31", "31", "31"], "town": ["a", "b", "c"] * 2})
    assert next_steps(few, Roles(("age", "town"))) == [Step("age", "*", 2, 0, 6), Step("town", "*", 3, 0, 6)][::-1]


def test_equally_small_classes_are_ordered_by_what_they_reveal() -> None:
    table = table_of({"q": ["a", "a", "b", "b", "c", "c", "c"], "ill": ["x", "y", "x", "x", "x", "x", "x"]})
    worst = worst_classes(table, Roles(("q",), ("ill",)), most=2)
    assert [(found.quasi, found.rows, found.values) for found in worst] == [
        ({"q": "b"}, 2, {"ill": 1}),
        ({"q": "a"}, 2, {"ill": 2}),
    ]
