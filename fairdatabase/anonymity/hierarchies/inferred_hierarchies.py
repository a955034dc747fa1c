"""Infers the hierarchy of a column from its values and its title, when none is given."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from fairdatabase.anonymity.hierarchies.bands import bands
from fairdatabase.anonymity.hierarchies.coordinates import WIDTHS, Place, cell_of
from fairdatabase.anonymity.hierarchies.dates import LEVELS, Path
from fairdatabase.anonymity.hierarchies.kinds import kind_of
from fairdatabase.anonymity.hierarchies.trees import hierarchy_from, narrowed
from fairdatabase.anonymity.model.hierarchy import Hierarchy, hierarchy_of
from fairdatabase.anonymity.model.number_line import number_line
from fairdatabase.anonymity.model.table import Column
from fairdatabase.anonymity.model.values import is_missing

_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9 .-]{3,10}", re.ASCII)
_DEEPEST = 5
# The longest codes that are generalised by their first characters.
_LONGEST_CODE = 10


def infer_hierarchy(values: Sequence[str], title: str = "") -> Hierarchy:
    """Return the hierarchy of a column with these distinct values.

    Numbers become bands; dates (2016-05-31) become month, year, five years and decade; coordinates become cells of a
    grid; places written from large to small ("USA:Colorado:Boulder") lose their last parts; codes of equal length
    ("1234AB") lose their last characters. Other categories have no level below "*". Odd values among numbers, dates
    and coordinates stay unchanged below "*".
    """
    kind = kind_of(values, title)
    if kind.numbers is not None:
        line = number_line(kind.numbers)
        if line.is_number.any():
            return hierarchy_of(values, "numbers", bands(values, line), line)
    if kind.dates is not None:
        return _dates(values, kind.dates)
    if kind.places is not None:
        return _coordinates(values, kind.places)
    present = [value for value in values if not is_missing(value)]
    if not present:
        return hierarchy_of(values, "categories", [])
    if _are_places(present):
        return _places(values, present)
    codes = {value for value in present if kind.is_postcode or _CODE.fullmatch(value)}
    lengths = Counter(len(value) for value in codes)
    # A few odd values do not turn codes into categories.
    if codes and (kind.is_postcode or 2 * max(lengths.values()) > len(present)):
        return _codes(values, codes, min(_LONGEST_CODE, max(lengths)))
    return hierarchy_of(values, "categories", [])


def hierarchies_of(columns: Mapping[str, Column], given: Mapping[str, Hierarchy]) -> dict[str, Hierarchy]:
    """Return the hierarchy of each column, given or inferred, restricted to the values that the column has."""
    return {
        title: narrowed(given[title], column.values) if title in given else infer_hierarchy(column.values, title)
        for title, column in columns.items()
    }


def _dates(values: Sequence[str], dates: Sequence[Path | None]) -> Hierarchy:
    paths = [(value,) * len(LEVELS) if path is None else path for value, path in zip(values, dates, strict=True)]
    return hierarchy_from(values, "dates", paths, LEVELS)


def _coordinates(values: Sequence[str], places: Sequence[Place | None]) -> Hierarchy:
    paths = [
        [value if place is None else cell_of(place, width) for width in WIDTHS]
        for value, place in zip(values, places, strict=True)
    ]
    names = [_counted(width, "degree") for width in WIDTHS]
    return hierarchy_from(values, "coordinates", paths, [f"cells of {name}" for name in names])


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
    return hierarchy_from(values, "places", paths, [f"first {_counted(parts, 'part')}" for parts in kept])


def _codes(values: Sequence[str], codes: Collection[str], length: int) -> Hierarchy:
    kept = range(length - 1, 0, -1)
    paths = [
        [value[:characters] + "*" * (len(value) - characters) if value in codes else value for characters in kept]
        for value in values
    ]
    return hierarchy_from(values, "codes", paths, [f"first {_counted(characters, 'character')}" for characters in kept])


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count != 1 else unit
