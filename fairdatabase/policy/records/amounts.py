"""Amounts: numbers that are stored rounded, in the unit of their field or with their own unit."""

import math

from fairdatabase.policy.records.generalisation import (
    Implausible,
    check_range,
    is_decimal,
    read_amount,
    read_number,
    round_number,
)
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.missing import MissingTerms
from fairdatabase.policy.text.quantities import split_unit
from fairdatabase.policy.text.scalars import Scalar
from fairdatabase.policy.text.scales import WHOLE, laboratory_unit

# A longer number may exceed the largest one that is stored.
_LONG = 15
# Programs write these instead of a missing number.
_CODES = frozenset((-99.0, -999.0, -9999.0, -99999.0))


def amount(field: Field, value: Scalar) -> Scalar:
    """Return a number in the field's unit, or with its own unit if the field has none. Raises Implausible."""
    if field.units or not isinstance(value, str):
        return _number(field, value)
    # Such a unit stays as it is: how a laboratory value converts depends on the substance.
    text, given = split_unit(value)
    unit = laboratory_unit(given) if given else ""
    if unit is None:
        raise Implausible("must be a number, or a number and a unit: 5.4 mmol/L")
    stored = _number(field, text)
    if not unit:
        return stored
    return f"{stored} {unit}" if isinstance(stored, str) else f"{stored:g} {unit}"


def _number(field: Field, value: Scalar) -> Scalar:
    """Return a number in the field's unit, or a text for a range or one of several units. Raises Implausible."""
    if not isinstance(value, str):
        return _rounded(field, read_number(value), field.units[0] if len(field.units) == 1 else "")
    if is_decimal(value.removeprefix("-")) and len(value) < _LONG:
        return _rounded(field, float(value), field.units[0] if len(field.units) == 1 else "")
    quantity, unit = read_amount(value, field.units, field.lowest, field.highest)
    suffix = f" {unit}" if unit and len(field.units) > 1 else ""
    if math.isinf(quantity.low) or math.isinf(quantity.high):
        raise Implausible("must be one number or a range; a bound such as '<5' is not stored")
    if quantity.low < quantity.high:
        low, high = (_rounded(field, end, unit) for end in quantity[:2])
        if low < high:
            return f"{low:g} - {high:g}{suffix}"
    rounded = _rounded(field, quantity.low, unit)
    return f"{rounded:g}{suffix}" if suffix else rounded


def measurements(field: Field, value: Scalar, missing: MissingTerms) -> Scalar:
    """Return one or several laboratory values, separated by ";". Raises Implausible."""
    if not isinstance(value, str) or ";" not in value:
        return amount(field, value)
    parts: list[str] = []
    for part in value.split(";"):
        text = part.strip()
        stored = text if missing.in_table(text) else amount(field, text)
        parts.append(stored if isinstance(stored, str) else f"{stored:g}")
    return ";".join(parts)


def _rounded(field: Field, given: float, unit: str) -> float:
    if given < 0 and given in _CODES:
        raise Implausible("is a code for a missing value; leave the cell empty")
    if unit in WHOLE and not given.is_integer():
        raise Implausible("must be a whole number")
    check_range(given, field.lowest, field.highest, unit)
    return round_number(given, field.digits)
