"""Units: recognizes the units of measurement in titles, in the spellings that people use."""

import re

from fairdatabase.policy.text.characters import fold
from fairdatabase.policy.text.scales import IN_TITLES

MOST_PARTS = 3
"""The most parts of a unit: "mg/kg/day"."""
# Units whose values no field converts.
_OTHERS = """
    mol mmol umol nmol pmol iu u psu ppt ppm ppb mmhg hpa kpa pa bar mbar kcal kj cal mv v us ms lux ntu cells
    copies cfu nt rpm ha eq meq fmol fl hz db
"""
_UNITS = {**IN_TITLES, **{unit: unit for unit in _OTHERS.split()}, "micromol": "umol"}
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
