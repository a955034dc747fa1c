"""Dates: reads a date in any of the forms that people use, and writes a date in all of these forms."""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from fairdatabase.policy.text.characters import fold

_NAMES = (
    "january januar januari janvier janeiro enero gennaio stycznia styczen tammikuuta tammikuu ledna leden jan",
    "february februar februari fevrier febrero fevereiro febbraio lutego luty helmikuuta helmikuu unora unor feb fev",
    "march marz maerz mars maart marzo marco marts marca marzec maaliskuuta maaliskuu brezna brezen mar mrt mae",
    "april avril abril aprile kwietnia kwiecien huhtikuuta huhtikuu dubna duben apr avr abr",
    "may mai mei mayo maio maggio maj maja toukokuuta toukokuu kvetna kveten",
    "june juni juin junio junho giugno czerwca czerwiec kesakuuta kesakuu cervna cerven jun",
    "july juli juillet julio julho luglio lipca lipiec heinakuuta heinakuu cervence cervenec jul",
    "august augusti aout augustus agosto sierpnia sierpien elokuuta elokuu srpna srpen aug ago",
    "september septembre septiembre setembro settembre wrzesnia wrzesien syyskuuta syyskuu zari sept sep",
    "october oktober octobre octubre outubro ottobre pazdziernika pazdziernik lokakuuta lokakuu rijna rijen oct okt",
    "november novembre noviembre novembro listopada listopad marraskuuta marraskuu nov",
    (
        "december dezember decembre diciembre dezembro desember dicembre grudnia grudzien "
        "joulukuuta joulukuu prosinec dec dez dic"
    ),
)
_MONTHS = {name: month for month, names in enumerate(_NAMES, start=1) for name in names.split()}
# The longest names come first: a regex would otherwise match "jan" in "january".
MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_TIME = r"(?:[T ]{1,2}\d{1,2}(?::?\d\d){1,2}(?:[.,]\d{1,9})?(?: ?[AaPp][Mm])? ?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEAR_FIRST = re.compile(rf"(\d{{4}})(?:[-/._ ](\d{{1,2}})(?:[-/._ ](\d{{1,2}}))?)?{_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/._ ]{{1,2}}(\d{{1,2}})[-/._ ]{{1,2}}(\d{{4}}|\d\d){_TIME}")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/._ ](\d{4})")
_COMPACT = re.compile(rf"(\d{{4}})(\d\d)(\d\d){_TIME}")
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er)?"
_OF = r"(?:of |de |den |del |di |d')?"
_GAP = r"[-/.,_ ]{0,3}"
_WEEKDAY = re.compile(
    r"(?:le|il|el|den|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?),? ", re.IGNORECASE
)
_NAMED = (
    re.compile(
        rf"(?:{_DAY}{_GAP}{_OF})?(?P<month>{MONTH_NAMES}){_GAP}{_OF}(?P<mark>'?)(?P<year>\d{{4}}|\d\d){_TIME}",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<month>{MONTH_NAMES}){_GAP}{_DAY}{_GAP} ?(?P<year>\d{{4}}){_TIME}", re.IGNORECASE),
    re.compile(rf"(?P<year>\d{{4}}){_GAP}(?P<month>{MONTH_NAMES}){_GAP}(?:{_DAY})?", re.IGNORECASE),
)
_SHORT_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/._ ]{{1,2}}(\d{{1,2}})[-/._ ]{{1,2}}(\d\d){_TIME}")
_SHORT_YEAR_NAMED = re.compile(_NAMED[0].pattern.replace(r"\d{4}|", ""), re.IGNORECASE)
_YEARS = re.compile(r"(\d{4}) ?(?:[-/–]|to|until|bis) ?(\d{4})")
# "2008-10-28/31": the end of an ISO 8601 interval may omit what it shares with the start.
_ABBREVIATED = re.compile(r"(?P<start>\d{4}-\d\d-\d\d) ?/ ?(?P<end>(?:\d\d-)?\d\d)")
_SEPARATORS = tuple(map(re.compile, (r" (?:-{1,2}|–|to|until|through|bis|tot) |\.\.+|--| – ", r"/", r"[-–]")))
_HAS_YEAR = re.compile(r"\d{4}")
_LONGEST = 60
# The earliest year in which a living person may have been born.
_FIRST_YEAR = 1890


class Reading(NamedTuple):
    """One way to read a written date. Month and day are 0 if the text does not contain them."""

    year: int
    month: int
    day: int


class ShortYear(ValueError):
    """The year has two digits, and can be read in several ways or only as one in the future."""


class Reversed(ValueError):
    """The interval ends before it begins."""


def year_of_iso(text: str) -> int | None:
    """Return the year of a date in its most common form, "2008-10-28", or None if the text is not such a date."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).year
    except ValueError:
        return None


def read_date(text: str) -> list[Reading]:
    """Return the ways to read a clean text as a date; none if it is not a date.

    Day and month may be swapped, and a year of two digits may come first or last. For an interval, return the readings
    of both of its ends.
    """
    if len(text) > _LONGEST:
        return []
    if _ISO.fullmatch(text):
        # The most common form. If the calendar does not have the day, try the other forms.
        try:
            day = date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return [Reading(day.year, day.month, day.day)]
    text = _WEEKDAY.sub("", text)
    if readings := _read_one(text):
        return readings
    return [reading for end in _ends(text) or () for reading in _read_one(end)]


def read_years(text: str) -> tuple[int, int] | None:
    """Return the year of a date twice, or the years of both ends of an interval. None if the text is not a date.

    Raises ShortYear, Reversed.
    """
    if len(text) > _LONGEST:
        return None
    text = _WEEKDAY.sub("", text)
    if readings := _read_one(text):
        year = _only_year(text, readings)
        return year, year
    if (ends := _ends(text)) is None:
        return None
    first, last = (_only_year(end, _read_one(end)) for end in ends)
    if first > last:
        raise Reversed
    return first, last


def _only_year(text: str, readings: list[Reading]) -> int:
    """Return the year of a date. Raises ShortYear."""
    if match := _SHORT_YEAR_LAST.fullmatch(text):
        one, other, year = (int(part) for part in match.groups())
        century = this_year() // 100 * 100
        orders = (year, other, one), (year, one, other), (one, other, year)
        possible = _valid(*((century + year, month, day) for year, month, day in orders))
        years = {reading.year for reading in possible if reading.year <= this_year()}
    elif match := _SHORT_YEAR_NAMED.fullmatch(fold(text)):
        # "Oct-08" may be a day of October.
        is_year = match["day"] is not None or bool(match["mark"])
        years = {reading.year for reading in readings} if is_year else set[int]()
        if int(match["year"]) > this_year() % 100:
            years = set[int]()
    else:
        years = {reading.year for reading in readings}
    if len(years) != 1:
        raise ShortYear
    return years.pop()


def _ends(text: str) -> tuple[str, str] | None:
    """Return the two ends of an interval: of "2001-03/2002-04", "2001-2002", "1/3/2001 - 31/8/2001"."""
    if match := _YEARS.fullmatch(text):
        return match[1], match[2]
    if match := _ABBREVIATED.fullmatch(text):
        start = match["start"]
        end = start[: -len(match["end"])] + match["end"]
        return (start, end) if start <= end else None
    for separator in _SEPARATORS:
        for match in separator.finditer(text):
            ends = text[: match.start()].strip(), text[match.end() :].strip()
            if all(_HAS_YEAR.search(end) and _read_one(end) for end in ends):
                return ends
    return None


def _read_one(text: str) -> list[Reading]:
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        year, month, day = (int(part or 0) for part in match.groups())
        return _valid((year, month, day))
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year = (int(part) for part in match.groups())
        if len(match[3]) == 4:
            return _valid((year, second, first), (year, first, second))
        year = _full_year(year)
        return _valid((year, second, first), (year, first, second), (_full_year(first), second, int(match[3])))
    if match := _MONTH_YEAR.fullmatch(text):
        return _valid((int(match[2]), int(match[1]), 0))
    for pattern in _NAMED:
        if match := pattern.fullmatch(fold(text)):
            year = int(match["year"])
            year = _full_year(year) if len(match["year"]) == 2 else year
            return _valid((year, _MONTHS[match["month"].lower()], int(match["day"] or 0)))
    return []


def write_date(reading: Reading) -> list[tuple[str, str, str]]:
    """Return the ways to write a full date in digits, each as its parts in order."""
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


def is_numeric_date(digits: str) -> bool:
    """Return whether six or eight digits are a date, in any order of its parts."""
    length = len(digits)
    if length == len("ddmmyy"):
        first, second, third = digits[:2], digits[2:4], digits[4:]
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
    orders = (digits[:4], digits[4:6], digits[6:]), (digits[4:], digits[2:4], digits[:2])
    orders = (*orders, (digits[4:], digits[:2], digits[2:4]))
    readings = _valid(*((int(y), int(m), int(d)) for y, m, d in orders if int(m) and int(d) and int(y)))
    return any(reading.year >= _FIRST_YEAR and may_be_past(reading.year) for reading in readings)


def may_be_past(year: int) -> bool:
    """Return whether a year may be in the past. Next year counts as past, because clocks may differ."""
    # Almost every date is older than this process, so the clock is rarely read.
    return year <= _YEAR_OF_START or year <= this_year() + 1


def this_year() -> int:
    """Return the current year in UTC."""
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
