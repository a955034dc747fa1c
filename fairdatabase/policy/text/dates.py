"""Dates: read from the ways in which people write them, and written back in all of them."""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from fairdatabase.policy.text.characters import fold

_NAMES = (
    "january januar janvier januari enero jan",
    "february februar fevrier februari febrero feb fev",
    "march marz maerz mars maart marzo mar mrt mae",
    "april avril abril apr avr abr",
    "may mai mei mayo",
    "june juni juin junio jun",
    "july juli juillet julio jul",
    "august aout augustus agosto aug ago",
    "september septembre septiembre sept sep",
    "october oktober octobre octubre oct okt",
    "november novembre noviembre nov",
    "december dezember decembre diciembre dec dez dic",
)
_MONTHS = {name: month for month, names in enumerate(_NAMES, start=1) for name in names.split()}
# Longest first, for use in a pattern.
MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_TIME = r"(?:[T ]{1,2}\d{1,2}(?::?\d\d){1,2}(?:[.,]\d{1,9})?(?: ?[AaPp][Mm])? ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?"
_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEAR_FIRST = re.compile(rf"(\d{{4}})(?:[-/._ ](\d{{1,2}})(?:[-/._ ](\d{{1,2}}))?)?{_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/._ ]{{1,2}}(\d{{1,2}})[-/._ ]{{1,2}}(\d{{4}}|\d\d){_TIME}")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/._ ](\d{4})")
_COMPACT = re.compile(rf"(\d{{4}})(\d\d)(\d\d){_TIME}")
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er)?"
_GAP = r"[-/.,_ ]{0,3}"
_NAMED = (
    re.compile(
        rf"(?:{_DAY}{_GAP}(?:of )?)?(?P<month>{MONTH_NAMES}){_GAP}'?(?P<year>\d{{4}}|\d\d){_TIME}", re.IGNORECASE
    ),
    re.compile(rf"(?P<month>{MONTH_NAMES}){_GAP}{_DAY}{_GAP} ?(?P<year>\d{{4}}){_TIME}", re.IGNORECASE),
    re.compile(rf"(?P<year>\d{{4}}){_GAP}(?P<month>{MONTH_NAMES}){_GAP}(?:{_DAY})?", re.IGNORECASE),
)
_LONGEST = 60
# Of a date that somebody may have been born on.
_FIRST_YEAR = 1890


class Reading(NamedTuple):
    """One way to understand a written date; month and day are 0 when it does not say."""

    year: int
    month: int
    day: int


def read_date(text: str) -> list[Reading]:
    """Return how a clean text may be read as a date: nothing when it is none, two when day and month may be swapped."""
    if len(text) > _LONGEST:
        return []
    if _ISO.fullmatch(text):
        # The common form; what is not a day of the calendar is left to the others.
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return [Reading(day.year, day.month, day.day)]
    # An ISO 8601 interval counts as its beginning.
    if "/" in text and "-" in text:
        text = text.split("/", 1)[0].strip()
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = (int(part or 0) for part in match.groups())
        return _valid((year, month, day))
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year = (int(part) for part in match.groups())
        year = _full_year(year) if len(match[3]) == 2 else year
        return _valid((year, second, first), (year, first, second))
    if match := _MONTH_YEAR.fullmatch(text):
        return _valid((int(match[2]), int(match[1]), 0))
    for pattern in _NAMED:
        if match := pattern.fullmatch(fold(text)):
            year = int(match["year"])
            year = _full_year(year) if len(match["year"]) == 2 else year
            return _valid((year, _MONTHS[match["month"].lower()], int(match["day"] or 0)))
    return []


def write_date(reading: Reading) -> list[tuple[str, str, str]]:
    """Return the ways to write a full date in figures, each as its parts in order."""
    year, month, day = reading
    long, short = str(year), f"{year % 100:02}"
    padded, bare = (f"{month:02}", f"{day:02}"), (str(month), str(day))
    written = [(short, *padded)]
    for month_, day_ in (padded, bare) if padded != bare else (bare,):
        written += (
            (long, month_, day_),
            (day_, month_, long),
            (month_, day_, long),
            (day_, month_, short),
            (month_, day_, short),
        )
    return written


def is_date_in_figures(figures: str) -> bool:
    """Tell whether six or eight figures are a date, in whatever order its parts stand."""
    length = len(figures)
    if length == len("ddmmyy"):
        first, second, third = figures[:2], figures[2:4], figures[4:]
        return bool(
            _valid(
                *(
                    (_full_year(int(y)), int(m), int(d))
                    for y, m, d in ((third, second, first), (third, first, second), (first, second, third))
                    if int(m) and int(d)
                )
            )
        )
    if length != len("ddmmyyyy"):
        return False
    orders = (figures[:4], figures[4:6], figures[6:]), (figures[4:], figures[2:4], figures[:2])
    orders = (*orders, (figures[4:], figures[:2], figures[2:4]))
    readings = _valid(*((int(y), int(m), int(d)) for y, m, d in orders if int(m) and int(d) and int(y)))
    return any(reading.year >= _FIRST_YEAR and may_be_past(reading.year) for reading in readings)


def may_be_past(year: int) -> bool:
    """Tell whether a year ends before the next one does, so that a clock that is wrong or ahead may show it."""
    # The year of the import spares a look at the clock for almost every date.
    return year <= _YEAR_OF_START or year <= this_year() + 1


def this_year() -> int:
    """Return the year that it is anywhere on earth by now."""
    return datetime.now(UTC).year


def _full_year(short: int) -> int:
    century = this_year() // 100 * 100
    return century + short if century + short <= this_year() else century - 100 + short


def _valid(*readings: tuple[int, int, int]) -> list[Reading]:
    found: list[Reading] = []
    for year, month, day in readings:
        try:
            date(year, month or 1, day or 1)
        except ValueError:
            continue
        if (reading := Reading(year, month, day)) not in found:
            found.append(reading)
    return found


_YEAR_OF_START = this_year()
