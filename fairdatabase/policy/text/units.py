"""Units: recognizes units of measurement in the spellings that people use."""

import re

from fairdatabase.policy.text.characters import fold

MOST_PARTS = 3
"""The most parts of a unit: "mg/kg/day"."""
_PLAIN = """
    years months weeks days hours minutes seconds kg g mg ug ng pg km m cm mm um nm ft in lb oz l dl cl ml ul mol mmol
    umol nmol pmol iu u % c f k psu ppt ppm ppb mmhg hpa kpa pa bar mbar kcal kj cal mv v us ms lux ntu cells copies cfu
    bp kb mb gb nt bpm rpm ha eq meq fmol pg fl hz db
"""
_OTHERS = {
    "years": "year yrs yr y yo",
    "months": "month mths mth mos mo",
    "weeks": "week wks wk w",
    "days": "day d",
    "hours": "hour hrs hr h",
    "minutes": "minute mins min",
    "seconds": "second secs sec s",
    "kg": "kgs kilogram kilograms kilo kilos",
    "g": "gram grams gr",
    "mg": "milligram milligrams",
    "ug": "microgram micrograms mcg",
    "lb": "lbs pound pounds",
    "oz": "ounce ounces",
    "m": "meter meters metre metres",
    "cm": "centimeter centimeters centimetre centimetres cms",
    "mm": "millimeter millimeters millimetre millimetres",
    "km": "kilometer kilometers kilometre kilometres",
    "in": "inch inches",
    "ft": "foot feet",
    "l": "liter liters litre litres",
    "ml": "milliliter milliliters millilitre millilitres",
    "ul": "microliter microliters microlitre microlitres",
    "%": "percent percentage pct",
    "c": "°c degc celsius degreecelsius degreescelsius degreec degreesc centigrade",
    "f": "°f degf fahrenheit degreesfahrenheit",
    "umol": "micromol",
    "bp": "bps basepairs",
    "bpm": "beats/min",
}
_UNITS = {unit: unit for unit in _PLAIN.split()} | {
    written: unit for unit, others in _OTHERS.items() for written in others.split()
}
_PART = re.compile(r"(?P<unit>[a-z%°]+)\^?(?P<exponent>-?[1-9])?")
_LETTERS = str.maketrans({"µ": "u", "μ": "u", "²": "2", "³": "3", "⁻": "-", "¹": "1", "·": "*"})


def unit_of(text: str) -> str:
    """Return a unit in one spelling: "kg/m2" for "kg per m^2". Empty if the text is not a unit."""
    text = fold(text.translate(_LETTERS)).lower().strip(". ").replace(" per ", "/")
    text = text.replace("degrees ", "deg").replace("degree ", "deg").replace("deg. ", "deg")
    whole = text.replace(" ", "").replace("_", "")
    if whole in _UNITS:
        return _UNITS[whole]
    parts = [_read_part(part) for part in re.split(r"[/*]| (?=[a-z])", text)]
    return "/".join(parts) if len(parts) <= MOST_PARTS and all(parts) else ""


def _read_part(text: str) -> str:
    match = _PART.fullmatch(text.replace(" ", ""))
    if match is None or (unit := _UNITS.get(match["unit"])) is None:
        return ""
    return unit + (match["exponent"] or "").removeprefix("-").replace("1", "")
