"""Quantities: numbers as people write them in a table: "34", "34,5", "1,200", "18 months", "30-39", "90+", "<18"."""

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from fairdatabase.anonymity.model.values import NUMBER
from fairdatabase.policy.text.characters import clean, fold

if TYPE_CHECKING:
    # Only for type checks: most columns have no units, and loading the policy takes longer than measuring a table.
    from fairdatabase.policy.tables.fields import Field

_INFINITE = Decimal("Infinity")
# With more digits, a text is not a measurement.
_LONGEST = 30
_PLAIN = r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?"
_OVER = r"[>≥]=?|over|above|more than|greater than|older than|at least|min\.?"
_UNDER = r"[<≤]=?|under|below|less than|younger than|at most|up to|max\.?"
_ABOUT = r"[~≈]|c\.?a?\.?|about|around|approx\.?|circa"
_QUANTITY = re.compile(
    rf"(?:(?P<over>{_OVER})|(?P<under>{_UNDER})|{_ABOUT})? ?(?P<low>{_PLAIN})"
    rf"(?: ?(?:-|to|\.\.) ?(?P<high>{_PLAIN}))?(?P<plus> ?\+| ?(?:or|and) (?:older|over|above|more))? ?"
    r"(?P<unit>[a-z%°µ][a-z0-9%°µ/^.]{0,11}(?: [a-z/^%.]{1,12}){0,2})?",
    re.IGNORECASE | re.ASCII,
)
_BRACKETS = re.compile(rf"[\[(] ?({_PLAIN}) ?[,;] ?({_PLAIN}) ?[\])]", re.ASCII)
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:[, ]\d{3})+(?![\d,])")
_MANY_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:\.\d{3}){2,}(?![\d.])")


class Quantity(NamedTuple):
    """The bounds of a number. They are equal unless the number is written as an interval or with an open end."""

    low: Decimal
    high: Decimal

    @property
    def is_exact(self) -> bool:
        """Whether the bounds are equal."""
        return self.low == self.high


def read_quantities(values: Sequence[str], field: "Field | None" = None) -> list[Quantity | None]:
    """Return each value as a quantity, None if it is missing or not a number.

    With the policy's field, units are converted to the unit in which the field's numbers are read. For other columns,
    numbers may have one unit: a number in another unit is not comparable, so it is None.
    """
    found: list[Quantity | None] = [None] * len(values)
    odd: list[int] = []
    for i, value in enumerate(values):
        plain = value.strip()
        if NUMBER.fullmatch(plain) and len(plain) <= _LONGEST:
            number = Decimal(plain)
            found[i] = Quantity(number, number)
        elif plain:
            odd.append(i)
    if odd:
        texts = {i: fold(clean(values[i])) for i in odd if len(values[i]) <= 2 * _LONGEST}
        units: dict[int, str] = {}
        for i, text in _with_points(texts).items():
            read = _read(text)
            if read is not None:
                found[i], units[i] = read
        _convert(found, units, field)
    return found


def _with_points(texts: dict[int, str]) -> dict[int, str]:
    """Return the texts with decimal points, and without separators of thousands.

    A comma before exactly three digits separates thousands, unless other values of the column have decimal commas.
    """
    texts = {i: _MANY_THOUSANDS.sub(lambda found: found[0].replace(".", ""), text) for i, text in texts.items()}
    has_decimal_commas = any(_COMMA.search(_THOUSANDS.sub("", text)) for text in texts.values())
    if not has_decimal_commas:
        texts = {i: _THOUSANDS.sub(lambda found: re.sub("[, ]", "", found[0]), text) for i, text in texts.items()}
    return {i: text if text[:1] in "[(" else _COMMA.sub(".", text) for i, text in texts.items()}


def _read(text: str) -> tuple[Quantity, str] | None:
    """Return the quantity that a text means, and its unit."""
    if match := _BRACKETS.fullmatch(text):
        low, high = Decimal(match[1]), Decimal(match[2])
        return (Quantity(low, high), "") if low <= high else None
    match = _QUANTITY.fullmatch(text)
    if match is None or len(match["low"]) > _LONGEST:
        return None
    low = Decimal(match["low"])
    high = Decimal(match["high"]) if match["high"] else low
    if low > high:
        return None
    if match["over"] or match["plus"]:
        high = _INFINITE
    elif match["under"]:
        low = -_INFINITE
    return Quantity(low, high), (match["unit"] or "").lower()


def _convert(found: list[Quantity | None], units: dict[int, str], field: "Field | None") -> None:
    """Convert quantities to the unit of the column, and remove those that have another one."""
    named = Counter(unit for unit in units.values() if unit)
    if not named:
        return
    if field is not None and field.unit:
        for i, unit in units.items():
            if unit:
                factor = _factor(unit, field.unit, field.read_in or field.unit)
                found[i] = _times(found[i], factor) if factor is not None else None
        return
    # Plain numbers may be in the only unit that is named.
    is_unclear = len(named) > 1 and any(quantity is not None and i not in units for i, quantity in enumerate(found))
    kept = "" if is_unclear else named.most_common(1)[0][0]
    for i, unit in units.items():
        if unit not in ("", kept):
            found[i] = None


@cache
def _factor(unit: str, into: str, read_in: str) -> float | None:
    """Return the factor that converts numbers to the unit of a column, None if the policy does not know the unit."""
    from fairdatabase.policy.records.generalisation import Implausible, read_quantity

    try:
        return read_quantity(f"1 {unit}", into, into)[0] / read_quantity("1", into, read_in)[0]
    except Implausible:
        return None


def _times(quantity: Quantity | None, factor: float) -> Quantity | None:
    if quantity is None or factor == 1:
        return quantity
    low, high = (end if end.is_infinite() else Decimal(f"{float(end) * factor:.6g}") for end in quantity)
    return Quantity(low, high)
