"""Scales: how the units in which values are written convert into the units of the policy."""

import re
from collections.abc import Mapping

from fairdatabase.policy.text.characters import fold

_Scale = Mapping[str, tuple[float, float]]
"""The units of one dimension: for each spelling, the factor and the offset that convert it into the base unit."""


def _names(spellings: str) -> list[str]:
    return spellings.replace("|", " ").split()


def _scale(spellings: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return a scale from texts of spellings, separated by spaces, and their factors."""
    return {_spelt(name): (factor, 0.0) for names, factor in spellings.items() for name in _names(names)}


def _ratios(above: Mapping[str, float], below: Mapping[str, float]) -> dict[str, float]:
    """Return "mg/l" and its other spelling "mg l-1", for all pairs of units."""
    found: dict[str, float] = {}
    for names, factor in above.items():
        for others, divisor in below.items():
            for name in names.split():
                for other in others.split():
                    found[f"{name}/{other}"] = found[f"{name}{other}-1"] = factor / divisor
    return found


_DASHES = re.compile(r"^-+|[\s_.()\[\]*·]+")
_PER = re.compile(r" per |/ ")


def _spelt(unit: str) -> str:
    """Return a unit in the form in which the scales spell it: "kg/m2" for "kg per m^2"."""
    text = _PER.sub("/", fold(unit).lower()).replace("^", "")
    return _DASHES.sub("", text)


_DAY, _YEAR = 1.0, 365.25
# Years, months, weeks and days in the languages whose titles and months the policy reads. One letter that may also be a
# sex ("34M", "34 h") or another unit is not listed.
# In the texts of spellings, the first one is the name of the unit. Titles of columns may have only the spellings before
# "|"; the others mean something else there, or are of other languages.
_TIME = {
    "years year yrs yr y yo | y/o a annum anni anno years-old lifeyears jahr jahre jahren jahrig jahrige jaehrig "
    "lj ans an annee annees jaar jaren jr ano anos ar arsgammal aar vuosi vuotta vuotias rok lata lat roku лет "
    "год года г 岁 歲 歳 才 세 살": _YEAR,
    "months month mths mth mos mo | mons mon monate monat monaten mois maand maanden mnd mnde mes meses mese mesi "
    "manad manader maned maneder mdr kuukausi kuukautta kk miesiac miesiace miesiecy mies мес месяц месяца "
    "месяцев 个月 ヶ月 か月 개월": _YEAR / 12,
    "weeks week wks wk | woche wochen semaine semaines weken semana semanas settimana settimane vecka veckor uge "
    "uger uke uker viikko viikkoa vk tydzien tygodnie tygodni недель неделя недели 周 週": 7,
    "days day d | tag tage tagen jour jours dag dagen dia dias giorno giorni dagar dage dager paiva paivaa pv "
    "dzien dni дней день дня 天 日 일": _DAY,
    "hours hour hrs hr | stunde stunden heures heure uur uren horas hora ore ora timmar timer tunti tuntia godzin": 1
    / 24,
    "minutes minute mins min": 1 / 1440,
    "seconds second secs sec": 1 / 86400,
}
_LENGTH = {
    "km kilometer kilometers kilometre kilometres": 1000,
    "m meter meters metre metres | metro metros mtr mtrs": 1,
    "| dm decimeter decimetre": 0.1,
    "cm cms centimeter centimeters centimetre centimetres | zentimeter centimetro centimetros": 0.01,
    "mm millimeter millimeters millimetre millimetres": 0.001,
    "um | micron microns micrometer micrometers micrometre micrometres": 1e-6,
    "nm | nanometer nanometers nanometre nanometres": 1e-9,
    "in inch inches | \" '' zoll": 0.0254,
    "ft foot feet | '": 0.3048,
    "| yd yard yards": 0.9144,
    "| mi mile miles": 1609.344,
}
_MASS = {
    "| t tonne tonnes": 1e6,
    "kg kgs kilogram kilograms kilo kilos | kilogramm kilogramme kilogrammes": 1000,
    "g gr gram grams | gm gms gramm gramme grammes gramo gramos": 1,
    "mg milligram milligrams | milligramm": 1e-3,
    "ug mcg microgram micrograms | mikrogramm": 1e-6,
    "ng | nanogram nanograms": 1e-9,
    "pg | picogram picograms": 1e-12,
    "lb lbs pound pounds": 453.59237,
    "oz ounce ounces": 28.349523125,
    "| st stone stones": 6350.29318,
}
_SHORT_MASS = {"kg": 1e9, "g": 1e6, "mg": 1e3, "ug mcg": 1, "ng": 1e-3, "pg": 1e-6}
_VOLUME = {
    "| m3": 1e6,
    "l liter liters litre litres | ltr": 1000,
    "dl | deciliter decilitre": 100,
    "cl | centiliter centilitre": 10,
    "ml milliliter milliliters millilitre millilitres | cc cm3": 1,
    "ul microliter microliters microlitre microlitres": 1e-3,
    "| nl nanoliter nanolitre": 1e-6,
}
_SHORT_VOLUME = {"m3": 1e6, "l": 1000, "dl": 100, "ml": 1, "ul": 1e-3}
_MOLES = {"mol": 1e6, "mmol": 1e3, "umol": 1, "nmol": 1e-3, "pmol": 1e-6}
_SHORT_TIME = {"weeks w": 7, "hours h | std": 1 / 24, "seconds s": 1 / 86400}
_CELSIUS = (
    "c °c degc degreec degreesc celsius degreecelsius degreescelsius centigrade | oc deg.celsius grad gradcelsius"
)
_FAHRENHEIT = "f °f degf fahrenheit degreesfahrenheit | of degreef degreesf degreefahrenheit"
_KELVIN = "k | kelvin kelvins degreekelvin degreeskelvin"
_PERCENT = "% percent pct percentage | prozent procent pourcent"
_BEATS = "bpm beats/min | /min beats/minute min-1"
_COUNT = {"k thousand": 1e3, "m mio million millions": 1e6, "b g bn billion billions": 1e9}
_BASES = {
    "bp bps basepairs | nt bases base nucleotides": 1,
    "kb | kbp kbases": 1e3,
    "mb | mbp mbases": 1e6,
    "gb | gbp gbases": 1e9,
}
_READS = {
    "reads read sequences sequence seqs seq": 1,
    **{
        f"{name}{suffix}": factor
        for names, factor in _COUNT.items()
        for name in names.split()
        for suffix in ("", "reads")
    },
}
_AGE = _scale(_TIME)
_DURATION = _scale(_TIME | _SHORT_TIME)
_DISTANCE, _WEIGHT, _CAPACITY = _scale(_LENGTH), _scale(_MASS), _scale(_VOLUME)
_TEMPERATURE: _Scale = {
    **{_spelt(name): (1.0, 0.0) for name in _names(_CELSIUS)},
    **{_spelt(name): (5 / 9, -160 / 9) for name in _names(_FAHRENHEIT)},
    **{_spelt(name): (1.0, -273.15) for name in _names(_KELVIN)},
}
_PRESSURE = _scale(
    {
        "pa": 1e-3,
        "hpa mbar": 0.1,
        "kpa": 1,
        "bar": 100,
        "mpa": 1000,
        "dbar": 10,
        "atm": 101.325,
        "mmhg torr": 0.133322387415,
        "psi": 6.894757293,
    }
)
_SCALES: Mapping[str, _Scale] = {
    "years": _AGE,
    "weeks": _DURATION,
    "days": _DURATION,
    "m": _DISTANCE,
    "cm": _DISTANCE,
    "kg": _WEIGHT,
    "g": _WEIGHT,
    "mL": _CAPACITY,
    "°C": _TEMPERATURE,
    "kPa": _PRESSURE,
    "mmHg": _PRESSURE,
    "ng/uL": _scale(_ratios(_SHORT_MASS, _SHORT_VOLUME)),
    "mg/L": _scale(_ratios(_SHORT_MASS, _SHORT_VOLUME)),
    "nM": _scale(_ratios(_MOLES, _SHORT_VOLUME) | {"mm": 1, "um": 1e-3, "nm": 1e-6, "pm": 1e-9}),
    "umol/L": _scale(_ratios(_MOLES, _SHORT_VOLUME)),
    "umol/kg": _scale(_ratios(_MOLES, {"kg": 1000, "g": 1})),
    "mL/L": _scale(_ratios({"ml": 1}, {"l": 1})),
    "%": _scale({_PERCENT: 1}),
    "psu": _scale({"psu practicalsalinityunit practicalsalinityunits pss pss78 ppt ‰ g/kg o/oo permil "
                   "partsperthousand": 1}),
    "pH": _scale({"ph phunit phunits units unit": 1}),
    "RIN": _scale({"rin": 1}),
    "kg/m2": _scale({"kg/m2 kgm-2 kgm2 kg/sqm kg/squaremeter kg/qm": 1}),
    "g/day": _scale(_ratios({"g gram grams": 1, "mg": 1e-3}, {"day d": 1, "week wk": 7})),
    "kcal": _scale({"kcal kcal/day kcal/d": 1, "kj kj/day kj/d": 1 / 4.184, "mj mj/day": 1000 / 4.184}),
    "bpm": _scale({_BEATS: 1}),
    "reads": _scale(_READS),
    "bp": _scale(_BASES),
    "nt": _scale(_BASES),
}  # fmt: skip
"""The scale of each unit of the policy. One spelling may mean several units: "m" is a metre or a million."""
_FACTORS: Mapping[str, Mapping[str, float]] = {
    unit: {
        spelling: factor / scale[_spelt(unit)][0]
        for spelling, (factor, offset) in scale.items()
        if offset == scale[_spelt(unit)][1] == 0
    }
    for unit, scale in _SCALES.items()
}
LIMITS: Mapping[str, tuple[float, float]] = {
    "°C": (-273.15, 2000),
    "pH": (0, 14),
    "psu": (0, 350),
    "%": (0, 100),
    "RIN": (0, 10),
    "m": (-12_000, 12_000),
    "mmHg": (10, 350),
    "bpm": (10, 400),
    "weeks": (0, 60),
    "reads": (0, 1e15),
    "bp": (0, 1e15),
}
"""The lowest and highest number that a value in a unit may have. Other numbers are probably in another unit."""
WHOLE = frozenset(("reads", "bp"))
"""Units that count, so that their values have no fraction."""
IN_TITLES: Mapping[str, str] = {
    spelling: _names(names)[0]
    for scale in (
        _TIME,
        _SHORT_TIME,
        _LENGTH,
        _MASS,
        _VOLUME,
        _BASES,
        (_CELSIUS, _FAHRENHEIT, _KELVIN, _PERCENT, _BEATS),
    )
    for names in scale
    for spelling in names.partition("|")[0].split()
}
"""The names of the units by the spellings that titles of columns may have."""


# Units of values that are stored as they are.
_AMOUNTS = "kg g mg ug ng pg mol mmol umol nmol pmol U kU mU uU IU kIU mIU uIU mEq cells copies CFU"
_WHOLES = "L dL mL uL m3 kg g mmol mol m2 cm2 day"
_RATIOS = tuple(f"{amount}/{whole}" for amount in _AMOUNTS.split() for whole in _WHOLES.split())
_OTHER_UNITS = """
    °C m2 cm2 ha m3 Pa hPa kPa mbar bar dbar atm mmHg psu ppm ppb ppt permil % m/s km/h mm/year mm/day mm/h W/m2 lux NTU
    FNU FTU S/m mS/cm uS/cm dS/m mV V cmol/kg umol/m2/s degrees rpm bp kb Mb Gb dB Hz kcal kJ U IU mg/kg/day mL/min
    ratio bpm
"""
_LABORATORY = (
    {
        _spelt(spelling): f"{_names(names)[0][:-1]}L" if _names(names)[0][-1] == "l" else _names(names)[0]
        for dimension in (_LENGTH, _MASS, _VOLUME, _TIME)
        for names in dimension
        for spelling in _names(names)
    }
    | {_spelt(name): "°C" for name in _names(_CELSIUS)}
    | {
        _spelt(spelling): unit
        for unit in (*_RATIOS, *_OTHER_UNITS.split())
        for spelling in (unit, unit.replace("/", " per "), f"{unit.replace('/', ' ')}-1" if "/" in unit else unit)
    }
    | {"mcg/ml": "ug/mL", "mcg/l": "ug/L", "percent": "%"}
)


def is_unit(unit: str) -> bool:
    """Return whether the policy may use a unit."""
    return unit in _SCALES


def converts(given: str, unit: str) -> bool:
    """Return whether a written unit converts into a unit of the policy."""
    return _spelt(given) in _SCALES[unit]


def convert(number: float, given: str, unit: str) -> float:
    """Return a number in a written unit as a number in a unit of the policy. Raises KeyError if it does not convert."""
    scale = _SCALES[unit]
    (factor, offset), (divisor, shift) = scale[_spelt(given)], scale[_spelt(unit)]
    # Beyond nine decimal places there are only errors of the conversion.
    return round((number * factor + offset - shift) / divisor, 9)


def factor_of(given: str, unit: str) -> float | None:
    """Return the factor from a written unit in its usual spelling to a unit of the policy, or None."""
    factors = _FACTORS[unit]
    return factors.get(given) or factors.get(given.lower())


def laboratory_unit(given: str) -> str | None:
    """Return a written unit of a laboratory value in one spelling, or None if it is not one."""
    return _LABORATORY.get(_spelt(given))
