"""Number lines: a column of numbers, and the grid of round numbers at which its published intervals end.

An interval must not end at somebody's number: "34-39" would reveal that one of these people is 34. So all ends are
multiples of a round step: 1, 2 or 5 times a power of ten. The step follows from the scale of the column, not from its
extreme values: at least a twentieth of the distance between the quartiles of its different numbers, and at least five
units of the last decimal place. An interval contains its lower end, but not its upper end.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from fairdatabase.anonymity.model.quantities import Quantity
from fairdatabase.anonymity.model.values import NUMBER

# The step is at least this many units of the last decimal place, so that a number rarely is a multiple of the step.
_UNITS = 5
_STEPS_BETWEEN_QUARTILES = 20
# This share of the numbers has at most as many decimal places as the column's unit. The others do not count.
_MOST = 0.9
# A number that is further from 0, in steps, is not comparable with the others: it is treated like text.
_FURTHEST = 1 << 60
# Open ends.
BELOW, ABOVE = -(1 << 61), 1 << 61
# Enough digits for a quotient of two numbers of thirty digits.
_EXACT = Context(prec=80)
_PLAIN = r"-?\d+(?:\.\d+)?"
_WRITTEN = re.compile(rf"({_PLAIN})(?: to |-)({_PLAIN})", re.ASCII)
_OPEN = re.compile(rf"<({_PLAIN})|({_PLAIN})\+", re.ASCII)


@dataclass(frozen=True, slots=True)
class NumberLine:
    """The numbers of a column by value, None where a value is not a number, and the cells of the grid they cover.

    A cell is a multiple of `step`. A value covers the cells from `low` up to, not including, `high`.
    """

    numbers: list[Quantity | None]
    step: Decimal
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @property
    def is_number(self) -> NDArray[np.bool_]:
        """Whether each value is a number."""
        return np.array([number is not None for number in self.numbers], np.bool_)

    @property
    def lowest(self) -> int:
        """The first cell of the column. An interval without a lower end counts as one cell."""
        low, high = self.low[self.is_number], self.high[self.is_number]
        return int(np.where(low == BELOW, high - 1, low).min())

    @property
    def highest(self) -> int:
        """The cell after the last one of the column. An interval without an upper end counts as one cell."""
        low, high = self.low[self.is_number], self.high[self.is_number]
        return int(np.where(high == ABOVE, low + 1, high).max())

    def label(self, low: int, high: int, *, width: int = 1) -> str:
        """Return the text of the interval that covers these cells, rounded outwards to `width` cells."""
        low = low if low == BELOW else low // width * width
        high = high if high == ABOVE else -(-high // width) * width
        first, last = (show(self.step * end) for end in (low, high))
        if low == BELOW or high == ABOVE:
            return "*" if low == BELOW and high == ABOVE else f"<{last}" if low == BELOW else f"{first}+"
        return between(first, last)


def number_line(numbers: Sequence[Quantity | None]) -> NumberLine:
    """Return the line of a column in which at least one value is a number."""
    with localcontext(_EXACT):
        step = _step(numbers)
        cells = [None if number is None else _cells(number, step) for number in numbers]
    kept = [number if cell is not None else None for number, cell in zip(numbers, cells, strict=True)]
    low, high = (np.array([0 if cell is None else cell[i] for cell in cells], np.int64) for i in (0, 1))
    return NumberLine(kept, step, low, high)


def _step(numbers: Sequence[Quantity | None]) -> Decimal:
    ends = sorted({end for number in numbers if number is not None for end in number if end.is_finite()})
    places = sorted(max(0, -_exponent(end)) for end in ends)
    unit = Decimal(1).scaleb(-places[int(_MOST * (len(places) - 1))])
    distance = ends[3 * len(ends) // 4] - ends[len(ends) // 4] or ends[-1] - ends[0]
    least = max(_UNITS * unit, distance / _STEPS_BETWEEN_QUARTILES)
    power = Decimal(1).scaleb(least.adjusted())
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= least)


def _exponent(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - the number is finite
    return exponent


def _cells(number: Quantity, step: Decimal) -> tuple[int, int] | None:
    """Return the first cell and the cell after the last one, None if they are too far from 0."""
    low = BELOW if number.low.is_infinite() else _floor(number.low / step)
    # The upper end of an interval may be its last number or the number after that. Both are true of the result.
    last = ABOVE if number.high.is_infinite() else -_floor(-number.high / step)
    high = low + 1 if number.is_exact else last
    is_far = any(_FURTHEST < abs(end) < ABOVE for end in (low, high))
    return None if is_far else (low, high)


def _floor(number: Decimal) -> int:
    return int(number.to_integral_value("ROUND_FLOOR"))


def between(low: str, high: str) -> str:
    """Return an interval as text: "20-30", or "-20 to -10" if an end is negative."""
    return f"{low} to {high}" if low.startswith("-") else f"{low}-{high}"


def show(number: Decimal) -> str:
    """Return a number without an exponent or redundant zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_quantity(number: Quantity) -> str:
    """Return a quantity in the one form in which the program writes it."""
    if number.is_exact:
        return show(number.low)
    if number.high.is_infinite():
        return f"{show(number.low)}+"
    return f"<{show(number.high)}" if number.low.is_infinite() else between(show(number.low), show(number.high))


def bounds_in(text: str) -> tuple[float, float] | None:
    """Return the bounds of a text that a number line wrote, or of a single number; None for any other text."""
    if found := _WRITTEN.fullmatch(text):
        return float(found[1]), float(found[2])
    if found := _OPEN.fullmatch(text):
        return (-np.inf, float(found[1])) if found[1] else (float(found[2]), np.inf)
    plain = text.strip()
    return (float(plain), float(plain)) if NUMBER.fullmatch(plain) else None
