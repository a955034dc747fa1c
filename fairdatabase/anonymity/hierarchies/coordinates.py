"""Coordinates: places on the globe, generalised to cells of a grid of degrees.

The finest cell is one degree, about 100 km, as in the policy: exact coordinates are never published, even if several
people share them.
"""

import math
import re
from collections.abc import Sequence

from fairdatabase.anonymity.model.number_line import between
from fairdatabase.policy.text.characters import clean, fold

# Each width divides the next one, so cells are nested.
WIDTHS = (1, 5, 10, 30, 90)
_CELL = re.compile(r"(\d+)-(\d+) ([NS]) (\d+)-(\d+) ([EW])", re.ASCII)
_DEGREES = re.compile(r"([+-]?\d{1,3}(?:[.,]\d+)?)(?: ?(?:°|deg(?:rees?)?))? ?([NSEW])?", re.ASCII | re.IGNORECASE)
Place = tuple[float, float]
_LONGEST = 80


def read_place(text: str) -> Place | None:
    """Return latitude and longitude, or those of the south-western corner of a cell. None if a text is not a place."""
    if found := _CELL.fullmatch(text):
        return _corner(*found.group(1, 2, 3)), _corner(*found.group(4, 5, 6))
    if len(text) > _LONGEST or not any(map(str.isdigit, text)):
        return None
    # Loading the policy takes longer than measuring most tables.
    from fairdatabase.policy.records.generalisation import Implausible, read_coordinates

    try:
        return read_coordinates(clean(text))
    except Implausible:
        return None


def _corner(low: str, high: str, side: str) -> float:
    return -float(high) if side in "SW" else float(low)


def cell_of(place: Place, width: int) -> str:
    """Return the cell of the grid that contains a place: "50-60 N 0-10 E"."""
    return f"{_side(place[0], width, 'NS')} {_side(place[1], width, 'EW')}"


def _side(degrees: float, width: int, sides: str) -> str:
    low = math.floor(degrees / width) * width
    return f"{low}-{low + width} {sides[0]}" if low >= 0 else f"{-low - width}-{-low} {sides[1]}"


def place_cells(values: Sequence[str]) -> list[str]:
    """Return the finest cell of each place. A text that is not a place stays as it is."""
    places = map(read_place, values)
    return [value if place is None else cell_of(place, WIDTHS[0]) for value, place in zip(values, places, strict=True)]


def degree_cells(values: Sequence[str]) -> list[str]:
    """Return the whole degrees between which each latitude or longitude lies. Other texts stay as they are."""
    return [_degree_cell(value) for value in values]


def _degree_cell(value: str) -> str:
    found = _DEGREES.fullmatch(fold(clean(value)))
    if found is None:
        return value
    degrees = float(found[1].replace(",", "."))
    low = math.floor(-abs(degrees) if (found[2] or "").upper() in ("S", "W") else degrees)
    return between(str(low), str(low + 1))
