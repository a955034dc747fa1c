"""Generalisation: makes a value so coarse that many donors share it."""

import math
import re

from fairdatabase.policy.text.dates import may_be_past, read_date

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_QUANTITY = re.compile(
    r"(?P<sign>[<>≤≥]=?)? ?(?P<low>\d+(?:\.\d*)?)(?: ?(?:-|–|to|/) ?(?P<high>\d+(?:\.\d*)?))?(?P<plus>\+)? ?"
    r"(?P<unit>[A-Za-z][A-Za-z0-9/^²]{0,9}\.?)?"
)
# The factor that converts each unit into the unit of its table.
_SINGULAR_UNITS = {
    "years": {"year": 1, "yr": 1, "y": 1, "a": 1, "yo": 1, "annum": 1, "month": 1 / 12, "mo": 1 / 12, "mth": 1 / 12,
              "m": 1 / 12, "week": 7 / 365.25, "wk": 7 / 365.25, "w": 7 / 365.25, "day": 1 / 365.25, "d": 1 / 365.25,
              "hour": 1 / 8766, "h": 1 / 8766},
    "cm": {"cm": 1, "centimeter": 1, "centimetre": 1, "m": 100, "meter": 100, "metre": 100, "mm": 0.1, "inche": 2.54,
           "inch": 2.54, "in": 2.54, "ft": 30.48, "feet": 30.48},
    "kg": {"kg": 1, "kilogram": 1, "kilo": 1, "g": 0.001, "gram": 0.001, "lb": 0.45359, "pound": 0.45359},
    "kg/m2": {"kg/m2": 1, "kg/m^2": 1, "kgm2": 1, "kg/m²": 1},
}  # fmt: skip
# Adds the plurals: "years", "lbs".
_UNITS = {
    unit: {f"{name}s": factor for name, factor in factors.items()} | factors
    for unit, factors in _SINGULAR_UNITS.items()
}
_HEMISPHERE = r"(?P<{0}>[+-]?\d{{1,3}}(?:\.\d+)?) ?°? ?(?P<{0}_side>[{1}])?"
_COORDINATES = re.compile(
    _HEMISPHERE.format("lat", "NSns") + r"(?: ?[,;/] ?| |(?<=[NSns]))" + _HEMISPHERE.format("lon", "EWew")
)
_FIRST_YEAR = 1850
# Floats represent all whole numbers up to this one exactly.
_LARGEST = 1e15


class Implausible(ValueError):
    """The value cannot be correct, so it is dropped. The message says what to correct, but does not quote the value."""


def read_number(value: str | float | bool) -> float:
    """Return the value as a number; text such as "30" is parsed. Raises Implausible."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise Implausible("must be a number")
        value = float(value)
    if isinstance(value, bool) or not abs(value) <= _LARGEST:
        raise Implausible("must be a number")
    return value


def check_range(number: float, lowest: float, highest: float, unit: str = "") -> None:
    """Raise Implausible unless the number is between `lowest` and `highest`."""
    if not lowest <= number <= highest:
        raise Implausible(f"must be between {lowest:g} and {highest:g} {unit}".rstrip())


def read_quantity(value: str | float | bool, unit: str, read_in: str) -> tuple[float, float]:
    """Return the bounds, in `unit`, of a number, "30 years", "30-39" or "90+". Raises Implausible."""
    if isinstance(value, str):
        number, _, given = value.partition(" ")
        # Most values are a plain number, or a number and a unit of the table.
        if (number.isdecimal() or _is_decimal(number)) and (not given or given in _UNITS[unit]):
            number = float(number) * (_UNITS[unit][given] if given else _factor(unit, read_in))
            return number, number
    if isinstance(value, str) and (match := _QUANTITY.fullmatch(value)):
        sign, first, second, plus, given = match.groups()
        factor = _factor(unit, given or read_in)
        low = float(first) * factor
        high = float(second) * factor if second else low
        if high < low:
            raise Implausible("must not end before it begins")
        return (low, high) if not (sign or plus) else _open_end(sign or "+", low)
    try:
        number = read_number(value) * _factor(unit, read_in)
    except Implausible:
        raise Implausible(f"must be a number of {unit}") from None
    return number, number


def band(low: float, high: float, *, width: int, bottom: float | None, top: float) -> str:
    """Return the interval that covers all bands of `width` that low to high touches: "30-39", "90+", "<15"."""
    if bottom is not None and low < bottom:
        if high < bottom:
            return f"<{bottom:g}"
        low = bottom
    if low >= top:
        return f"{top:g}+"
    start = math.floor(max(low, 0) / width) * width
    if high >= top:
        return f"{start}+"
    return f"{start}-{math.floor(high / width) * width + width - 1}"


def year_of(value: str | float | bool) -> str:
    """Return the year of a date as text. Raises Implausible."""
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    years = {reading.year for reading in read_date(text)}
    if len(years) != 1:
        raise Implausible("must be a date: 2008-10-28, 2008-10 or 2008")
    year = years.pop()
    if year < _FIRST_YEAR or not may_be_past(year):
        raise Implausible("must be a year from 1850 until now")
    return str(year)


def grid(value: str | float | bool, lowest: float, highest: float) -> int:
    """Return a coordinate rounded to whole degrees. Raises Implausible."""
    number = read_number(value)
    check_range(number, lowest, highest, "degrees")
    return round(number)


def coordinates(value: str | float | bool) -> str:
    """Return latitude and longitude rounded to whole degrees: "40 N 105 W". Raises Implausible."""
    latitude, longitude = read_coordinates(str(value))
    sides = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(round(latitude))} {sides[0]} {abs(round(longitude))} {sides[1]}"


def read_coordinates(text: str) -> tuple[float, float]:
    """Return latitude and longitude in degrees. Raises Implausible."""
    match = _COORDINATES.fullmatch(text)
    if not match:
        raise Implausible("must be latitude and longitude in degrees: 40.01 N 105.27 W")
    lat, lat_side, lon, lon_side = match.groups()
    latitude, longitude = _signed(lat, lat_side, "S"), _signed(lon, lon_side, "W")
    check_range(latitude, -90, 90, "degrees of latitude")
    check_range(longitude, -180, 180, "degrees of longitude")
    return latitude, longitude


def round_number(number: float, digits: int) -> float:
    """Return the number rounded to significant digits."""
    if number == 0:
        return 0.0
    return round(number, digits - 1 - math.floor(math.log10(abs(number))))


def _is_decimal(text: str) -> bool:
    """Return whether a text consists of digits with at most one decimal point, which is not the first character."""
    return text[:1] != "." and text.replace(".", "", 1).isdecimal()


def _factor(unit: str, given: str) -> float:
    factors = _UNITS[unit]
    factor = factors.get(given) or factors.get(given.strip().rstrip(".").lower())
    if factor is None:
        raise Implausible(f"must be given in {unit}")
    return factor


def _open_end(sign: str, number: float) -> tuple[float, float]:
    return (-math.inf, number) if sign[0] in "<≤" else (number, math.inf)


def _signed(number: str, side: str | None, negative: str) -> float:
    value = float(number)
    return -abs(value) if side and side.upper() in negative else value
