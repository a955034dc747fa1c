"""Infers the hierarchy of a column from its values, when none is given."""

import re
from collections.abc import Mapping, Sequence

from fairdatabase.anonymity.hierarchies.bands import bands
from fairdatabase.anonymity.hierarchies.trees import hierarchy_from, narrowed
from fairdatabase.anonymity.model.hierarchy import Hierarchy, hierarchy_of
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.model.values import is_missing, read_numbers

_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d.*)?)?", re.ASCII)
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9 .-]{3,10}", re.ASCII)
_DEEPEST = 5


def infer_hierarchy(values: Sequence[str]) -> Hierarchy:
    """Return the hierarchy of a column with these distinct values.

    Numbers become bands; dates (2016-05-31) become month, year and decade; places written from large to small
    ("USA:Colorado:Boulder") lose their last parts; codes of equal length ("1234AB") lose their last characters. Other
    categories have no level below "*".
    """
    numbers = read_numbers(values)
    if numbers is not None:
        return hierarchy_of(values, "numbers", bands(values, numbers))
    present = [value for value in values if not is_missing(value)]
    if not present:
        return hierarchy_of(values, "categories", [])
    if all(_DATE.fullmatch(value) for value in present):
        return _dates(values)
    if _are_places(present):
        return _places(values, present)
    if len({len(value) for value in present}) == 1 and all(_CODE.fullmatch(value) for value in present):
        return _codes(values, len(present[0]))
    return hierarchy_of(values, "categories", [])


def hierarchies_of(columns: Mapping[str, Column], given: Mapping[str, Hierarchy]) -> dict[str, Hierarchy]:
    """Return the hierarchy of each column, given or inferred, restricted to the values that the column has."""
    return {
        title: narrowed(given[title], column.values) if title in given else infer_hierarchy(column.values)
        for title, column in columns.items()
    }


def _dates(values: Sequence[str]) -> Hierarchy:
    paths = [
        [value] * 4 if is_missing(value) else [value[:10], value[:7], value[:4], f"{value[:3]}0-{value[:3]}9"]
        for value in values
    ]
    return hierarchy_from(values, "dates", paths, ["days", "months", "years", "decades"])


def _are_places(present: Sequence[str]) -> bool:
    """Return whether the values are places, not ontology ids of one source ("NCIT:C64") or times of day.

    Values are not places either if a first part looks like a missing value: "NA:Omaheke" would become "NA".
    """
    first = {value.partition(":")[0] for value in present}
    nested = sum(":" in value for value in present)
    odd = any(word[-1:].isdigit() or is_missing(word) for word in first)
    return 2 * nested >= len(present) > len(first) > 1 and not odd


def _places(values: Sequence[str], present: Sequence[str]) -> Hierarchy:
    depth = min(_DEEPEST, 1 + max(value.count(":") for value in present))
    kept = range(depth - 1, 0, -1)
    paths = [[":".join(value.split(":")[:parts]) for parts in kept] for value in values]
    return hierarchy_from(values, "places", paths, [_first(parts, "part") for parts in kept])


def _codes(values: Sequence[str], length: int) -> Hierarchy:
    kept = range(length - 1, 0, -1)
    paths = [
        [value if is_missing(value) else value[:characters] + "*" * (length - characters) for characters in kept]
        for value in values
    ]
    return hierarchy_from(values, "codes", paths, [_first(characters, "character") for characters in kept])


def _first(count: int, unit: str) -> str:
    return f"first {unit}" if count == 1 else f"first {count} {unit}s"
