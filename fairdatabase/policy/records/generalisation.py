"""Generalisation: makes a value so coarse that many donors share it."""

import math
import re
from collections.abc import Collection

from fairdatabase.policy.text import coordinates as places
from fairdatabase.policy.text.dates import Reversed, ShortYear, may_be_past, read_years, year_of_iso
from fairdatabase.policy.text.quantities import Quantity, UnitUnknown, read_quantities
from fairdatabase.policy.text.scales import LIMITS, WHOLE, factor_of

_FIRST_YEAR = 1850
# Floats represent all whole numbers up to this one exactly.
_LARGEST = 1e15
# A column of numbers with gaps: a program writes "2008.0".
_WHOLE_AS_FLOAT = re.compile(r"\d{4,8}\.0+", re.ASCII)
_DAY_NUMBER = re.compile(r"[1-6]\d{4}(?:\.\d+)?", re.ASCII)
_TWO_READINGS = "can be read in two ways, because the comma may separate decimals or thousands: write 1234 or 1.234"


class Implausible(ValueError):
    """The value cannot be correct, so it is dropped. The message says what to correct, but does not quote the value."""


def read_number(value: str | float | bool) -> float:
    """Return the value as a number; text such as "30" or "7,4" is parsed. Raises Implausible."""
    if isinstance(value, str):
        try:
            found = read_quantities(value, "")
        except UnitUnknown:
            found = []
        value = _plausible(found, "", -_LARGEST, _LARGEST, "must be a number").low
    if isinstance(value, bool) or not abs(value) <= _LARGEST:
        raise Implausible("must be a number")
    return value


def check_range(number: float, lowest: float, highest: float, unit: str = "") -> None:
    """Raise Implausible unless the number is between `lowest` and `highest`."""
    if not lowest <= number <= highest:
        raise Implausible(f"must be between {lowest:g} and {highest:g} {unit}".rstrip())


def read_quantity(
    value: str | float | bool, unit: str, read_in: str, lowest: float = -_LARGEST, highest: float = _LARGEST
) -> Quantity:
    """Return a number, a range or a bound in `unit`: "30", "30 years", "30-39", "90+". Raises Implausible.

    A number without a unit is in `read_in`. A number with several readings must have only one between `lowest` and
    `highest`.
    """
    if isinstance(value, bool):
        raise Implausible(f"must be a number of {unit}")
    text = value if isinstance(value, str) else repr(value)
    # Most values are a plain number, or a number and a unit.
    number, _, given = text.partition(" ")
    if is_decimal(number) and (factor := factor_of(given or read_in, unit)) is not None:
        amount = round(float(number) * factor, 9)
        check_range(amount, lowest, highest, unit)
        return Quantity(amount, amount)
    try:
        found = read_quantities(text, unit, read_in)
    except (UnitUnknown, KeyError):
        raise Implausible(f"must be given in {unit}") from None
    quantity = _plausible(found, unit, lowest, highest, f"must be a number of {unit}")
    if unit == "years" and quantity.is_above and quantity.low.is_integer():
        # Ages are completed years: above 89 means 90 or more.
        return Quantity(quantity.low + 1, quantity.high)
    return quantity


def read_amount(value: str, units: Collection[str], lowest: float, highest: float) -> tuple[Quantity, str]:
    """Return a number or a range, and its unit: one of the policy's units of the field. Raises Implausible.

    A number without a unit is in the only unit of the field; if there are several, its unit is unknown ("").
    """
    only = next(iter(units)) if len(units) == 1 else ""
    problem = "must be a number"
    for unit in (only, *units) if not only else (only,):
        try:
            found = read_quantities(value, unit, unit if only else "")
        except UnitUnknown:
            problem = f"must be given in {' or '.join(units)}" if units else "must be a number without a unit"
            continue
        if found:
            low, high = (lowest, highest) if only else LIMITS.get(unit, (lowest, highest))
            return _plausible(found, unit, low, high, problem), unit
    raise Implausible(problem)


def _plausible(found: Collection[Quantity], unit: str, lowest: float, highest: float, problem: str) -> Quantity:
    """Return the only reading between `lowest` and `highest`. Raises Implausible, with `problem` if there is none."""
    if not found:
        raise Implausible(problem)
    possible = {quantity for quantity in found if not any(abs(end) > _LARGEST for end in _ends(quantity))}
    if not possible:
        raise Implausible(problem)
    if unit in WHOLE:
        possible = {quantity for quantity in possible if all(end.is_integer() for end in _ends(quantity))}
        if not possible:
            raise Implausible("must be a whole number")
    plausible = {quantity for quantity in possible if all(lowest <= end <= highest for end in _ends(quantity))}
    if not plausible:
        check_range(math.inf, lowest, highest, unit)
    if len(plausible) > 1:
        raise Implausible(_TWO_READINGS)
    return plausible.pop()


def _ends(quantity: Quantity) -> list[float]:
    return [end for end in (quantity.low, quantity.high) if not math.isinf(end)]


def band(
    low: float,
    high: float,
    is_above: bool = False,
    is_below: bool = False,
    *,
    width: int,
    bottom: float | None,
    top: float,
) -> str:
    """Return the interval that covers all bands of `width` that a quantity touches: "30-39", "90+", "<15".

    Raises Implausible if that is all bands or none.
    """
    lowest = 0 if bottom is None else bottom
    if lowest <= low == high < top and not is_below:
        # Most values are one number in one band.
        start = math.floor(low / width) * width
        return f"{start}-{start + width - 1}"
    if low > high or high < 0 or (is_below and high <= 0):
        raise Implausible("must not be below zero")
    if is_below and high <= lowest:
        # Every value is in the lowest band.
        return f"<{lowest:g}"
    is_open_below = bottom is not None and low < bottom
    if is_open_below and high < lowest:
        return f"<{lowest:g}"
    start = math.floor(max(low, lowest) / width) * width
    if high > top or (high == top and not is_below):
        if is_open_below or (bottom is None and start <= lowest):
            raise Implausible("must not cover all bands")
        return f"{min(start, top):g}+"
    end = high if is_below and high % width == 0 else math.floor(high / width) * width + width
    return f"<{end:g}" if is_open_below else f"{start}-{end - 1:g}"


def year_of(value: str | float | bool) -> str:
    """Return the year of a date as text, or the years of an interval: "2001/2002". Raises Implausible."""
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    if text[-1:] == "0" and _WHOLE_AS_FLOAT.fullmatch(text):
        text = text.partition(".")[0]
    year = year_of_iso(text)
    years = _read_years(text) if year is None else (year, year)
    if years is None:
        if _DAY_NUMBER.fullmatch(text):
            raise Implausible("is a day number of a spreadsheet; format the column as a date: 2008-10-28")
        raise Implausible("must be a date: 2008-10-28, 2008-10 or 2008")
    if years[0] < _FIRST_YEAR or not may_be_past(years[1]):
        raise Implausible("must be a year from 1850 until now")
    return str(years[0]) if years[0] == years[1] else f"{years[0]}/{years[1]}"


def _read_years(text: str) -> tuple[int, int] | None:
    try:
        return read_years(text)
    except ShortYear:
        raise Implausible("must have a year of four digits: this one can be read in several ways") from None
    except Reversed:
        raise Implausible("must not end before it begins") from None


def grid(value: str | float | bool, lowest: float, highest: float) -> int:
    """Return a latitude or longitude rounded to whole degrees. Raises Implausible."""
    if isinstance(value, str):
        degrees = places.read_coordinate(value, "NS" if highest <= 90 else "EW")
        if degrees is None:
            raise Implausible("must be in degrees, with a sign or a side that agree: 40.01, -105.27, 40.01 N")
    else:
        degrees = read_number(value)
    check_range(degrees, lowest, highest, "degrees")
    return round(degrees)


def read_coordinates(value: str | float | bool) -> tuple[float, float]:
    """Return latitude and longitude in degrees. Raises Implausible."""
    found = places.read_coordinates(str(value))
    if found is None:
        raise Implausible("must be latitude and longitude in degrees: 40.01 N 105.27 W")
    latitude, longitude = found
    check_range(latitude, -90, 90, "degrees of latitude")
    check_range(longitude, -180, 180, "degrees of longitude")
    return latitude, longitude


def coordinates(value: str | float | bool) -> str:
    """Return latitude and longitude rounded to whole degrees: "40 N 105 W". Raises Implausible."""
    latitude, longitude = (round(degrees) for degrees in read_coordinates(value))
    return f"{abs(latitude)} {'N' if latitude >= 0 else 'S'} {abs(longitude)} {'E' if longitude >= 0 else 'W'}"


def round_number(number: float, digits: int) -> float:
    """Return the number rounded to significant digits."""
    if number == 0:
        return 0.0
    return round(number, digits - 1 - math.floor(math.log10(abs(number))))


def is_decimal(text: str) -> bool:
    """Return whether a text consists of digits with at most one decimal point, which is not the first character."""
    return text[:1] != "." and text.replace(".", "", 1).isdecimal()
