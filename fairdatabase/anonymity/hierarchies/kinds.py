"""Kinds: whether a column contains numbers, dates, places or codes, in spite of a few odd cells.

At least half of the different values decide. An odd value, such as "unknown" among ages, does not turn the column into
one of categories, in which the numbers of single people could be listed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairdatabase.anonymity.hierarchies.coordinates import Place, degree_cells, place_cells, read_place
from fairdatabase.anonymity.hierarchies.dates import Path, read_dates
from fairdatabase.anonymity.model.quantities import Quantity, read_quantities
from fairdatabase.anonymity.model.table import Column, column_of, narrow
from fairdatabase.anonymity.model.values import NUMBER, is_missing

if TYPE_CHECKING:
    # Only for type checks: loading the policy takes longer than measuring a table.
    from fairdatabase.policy.tables.fields import Field

_FOUR_DIGITS = re.compile(r"\d{4}", re.ASCII)
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a column are. At most one of the lists has an entry for each value, None for an odd one."""

    numbers: list[Quantity | None] | None = None
    dates: list[Path | None] | None = None
    places: list[Place | None] | None = None
    is_postcode: bool = False


def kind_of(values: Sequence[str], title: str = "") -> Kind:
    """Return what the different values of a column are. The policy knows the meaning of some titles."""
    field = field_of(title)
    action = field.action if field is not None else ""
    if action == "prefix":
        return Kind(is_postcode=True)
    count = sum(not is_missing(value) for value in values)
    if not count or not any(map(_DIGIT.search, values)):
        return Kind()
    numbers = read_quantities(values, field)
    found_numbers = _count(numbers)
    if found_numbers == count and action != "year":
        return Kind(numbers=numbers)
    dates = read_dates(values)
    found_dates = _count(dates)
    # Whole years are both. As numbers, they have narrower intervals.
    are_dates = action == "year" and not all(map(_FOUR_DIGITS.fullmatch, values))
    if 2 * found_dates >= count and (found_dates > found_numbers or (are_dates and found_dates >= found_numbers)):
        return Kind(dates=dates)
    if 2 * found_numbers >= count:
        return Kind(numbers=numbers)
    places = [read_place(value) for value in values]
    return Kind(places=places) if 2 * _count(places) >= count else Kind()


def _count(found: Sequence[object]) -> int:
    return sum(one is not None for one in found)


def is_exact(value: str) -> bool:
    """Return whether a text is a number, a date or a place: such a value may be that of one person only."""
    if not _DIGIT.search(value):
        return False
    return read_quantities([value]) != [None] or read_dates([value]) != [None] or read_place(value) is not None


def with_cells(column: Column, title: str) -> Column:
    """Return a column in which coordinates are replaced by cells of one degree."""
    field = field_of(title)
    action = field.action if field is not None else ""
    if action == "grid":
        texts = degree_cells(column.values)
    elif action == "coordinates" or (not _are_plain(column.values) and kind_of(column.values).places is not None):
        texts = place_cells(column.values)
    else:
        return column
    return recoded(column, texts)


def _are_plain(values: Sequence[str]) -> bool:
    """Return whether at least half of the values are numbers without anything else. This is a cheap check."""
    return 2 * sum(NUMBER.fullmatch(value) is not None for value in values) >= len(values)


def recoded(column: Column, texts: Sequence[str]) -> Column:
    """Return a column in which each value is replaced by a text."""
    replaced = column_of(texts)
    return Column(replaced.values, narrow(replaced.codes[column.codes], len(replaced.values)))


def field_of(title: str) -> "Field | None":
    """Return the policy's field of a title."""
    if not title:
        return None
    from fairdatabase.anonymity.tables.roles import default_policy

    return default_policy().listed(title)
