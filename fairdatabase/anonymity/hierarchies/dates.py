"""Dates: reads the dates of a column, in any of the forms that the policy reads, and generalises them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairdatabase.policy.text.characters import clean

if TYPE_CHECKING:
    from fairdatabase.policy.text.dates import Reading

LEVELS = ("days", "months", "years", "five years", "decades")
Path = tuple[str, ...]
_LONGEST = 40


def read_dates(values: Sequence[str]) -> list[Path | None]:
    """Return the generalisations of each date, from its day to its decade. None if a value is not a date.

    A date with several readings keeps only what these have in common, which must be at least the year.
    """
    return [_path(value) for value in values]


def _path(value: str) -> Path | None:
    text = clean(value) if len(value) <= _LONGEST else ""
    first, _, last = text.partition("/")
    if not text:
        return None
    # Loading the policy takes longer than measuring most tables.
    from fairdatabase.policy.text.dates import read_date

    # The two ends of an interval are two readings.
    is_interval = "-" in first and "-" in last
    parts = [read_date(first.strip()), read_date(last.strip())] if is_interval else [read_date(text)]
    if not all(parts):
        return None
    readings = [reading for part in parts for reading in part]
    common = [_labels(reading) for reading in readings]
    if len({labels[2] for labels in common}) > 1:
        return None
    # From the first level on which all readings agree.
    level = next(i for i in range(len(LEVELS)) if len({labels[i] for labels in common}) == 1)
    return (common[0][level],) * level + common[0][level:]


def _labels(reading: "Reading") -> Path:
    year, month, day = reading
    five, ten = year // 5 * 5, year // 10 * 10
    by_month = f"{year}-{month:02}" if month else f"{year}"
    by_day = f"{by_month}-{day:02}" if day else by_month
    return by_day, by_month, f"{year}", f"{five}-{five + 4}", f"{ten}-{ten + 9}"
